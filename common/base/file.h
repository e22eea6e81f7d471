// Whole files in and out.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// NOT_FOUND, PERMISSION_DENIED or the like, with the path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Written beside `path`, synced, then renamed over it: a reader sees the old bytes or
// the new ones. RESOURCE_EXHAUSTED when the disk is full.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

// Over what is at `to`. The error of the system, with both paths.
absl::Status CopyFile(const std::string& from, const std::string& to);

// A new empty folder under $TMPDIR (or /tmp), named after `prefix`.
absl::StatusOr<std::string> MakeTemporaryFolder(absl::string_view prefix);

}  // namespace mannequin
