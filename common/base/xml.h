// Text as XML (XMP packets, SVG pictures) holds it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// `text` for an attribute or element: & < > " ' as entities; characters that XML 1.0 does
// not allow become U+FFFD. `text` is UTF-8.
std::string EscapeXml(absl::string_view text);

}  // namespace mannequin
