// What stands where there is no picture: a grey card with the category's name on it. Words
// only, so that nobody takes it for the product.
//
//   ASSIGN_OR_RETURN(Pixels card, CategoryCard("Handbags", "en", 256));
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"

namespace mannequin {

// Whether the card's own words are there in it: "en" and "ko".
bool HasCardLanguage(absl::string_view language);

// `category` is UTF-8 in any script; a long one is broken over up to three lines, then cut.
// `side` in pixels, 16 to 1,024. INVALID_ARGUMENT for a language without words.
absl::StatusOr<Pixels> CategoryCard(absl::string_view category, absl::string_view language, int side);

}  // namespace mannequin
