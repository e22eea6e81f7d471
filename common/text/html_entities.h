// HTML character references ("&amp;", "&#39;", "&#x27;") to text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// One pass. References that are not known stay as they are. Names: the markup ones,
// Latin-1 letters and the punctuation that catalogues hold.
std::string DecodeHtmlEntities(absl::string_view text);

}  // namespace mannequin
