// How every command reads a picture of a listing from a file.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace mannequin {

// The bytes, as they are: whether they are a picture, the scorer says. "-" is standard input. The file's error with
// its path; INVALID_ARGUMENT: a folder, an empty file, more bytes than ImageLimits::max_bytes.
absl::StatusOr<std::string> ReadPicture(const std::string& path);

// The picture of a product in a folder, ID.jpg, .jpeg, .png or .webp; empty when there is none.
std::string FindPicture(const std::string& folder, const std::string& id);

}  // namespace mannequin
