// What becomes of records whose picture is lost to damage: a repair's part that is the same for all
// engines.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/store/edit.h"

namespace mannequin::store {

// A product of it waits for the next crawl, or is MISSING when it has no URL; a placeholder is REJECTED,
// or PROPOSED again when only its badge is lost. The picture's count is the caller's. False when the
// record shows it no more.
absl::StatusOr<bool> LetGoOfPicture(Edit& edit, Family family, const std::string& id, const std::string& sha256);
// For a person: what was, or would be, done.
absl::string_view CureOfLostPicture(Family family, bool done);

}  // namespace mannequin::store
