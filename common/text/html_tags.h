// HTML tags out of text that should have none.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// Each tag of a known element ("<b>", "</p>", "<br/>", "<a href='x'>") and each comment
// becomes a blank. "a < b", "size<40" and "<unknown>" stay as they are: a '<' opens a tag
// only before the name of an element and with its '>' before the next '<'. Linear time.
std::string WithoutHtmlTags(absl::string_view text);

}  // namespace mannequin
