// HTML character references ("&amp;", "&#39;", "&#x27;") to text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// One pass. References that are not known stay as they are. Names: the markup ones,
// Latin-1 letters and the punctuation that catalogues hold.
std::string DecodeHtmlEntities(absl::string_view text);

// The same, appended to `out`, which need not allocate when it has room for `text`.
void AppendHtmlDecoded(absl::string_view text, std::string* out);

// Whether `text`, which begins with '&', begins with a reference that is decoded.
bool BeginsWithHtmlEntity(absl::string_view text);

}  // namespace mannequin
