// A category as people write it.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// The parts of "Apparel > Topwear > Shirts"; none of an empty text.
inline std::vector<std::string> CategoryPathOf(absl::string_view text) {
  std::vector<std::string> path;
  for (absl::string_view part : absl::StrSplit(text, '>')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) path.emplace_back(part);
  }
  return path;
}

}  // namespace mannequin
