// Cells of a Google Merchant Center feed as tab-separated text.
//
//   cell     = [ blanks ] ( text | quoted ) [ blanks ]
//   quoted   = '"' { character but '"' | '""' } '"'
//   text     = { character but tab, LF, CR | reference }
//   path     = part { ">" part } [ "," another path ]
//
// References ("&amp;", "&#9;") are HTML's (common/text/html_entities.h). Blanks around a cell
// and around a part of a path do not count; what is to count is written as "&#32;".
//
// AppendCell and AppendPart write what ReadCell and ForEachPartOfPath read back to the byte: tab, LF
// and CR as "&#9;", "&#10;" and "&#13;"; "&" as "&amp;" where it would be decoded and only
// there; a blank at either end; a quote at the beginning; in paths ">", "," and quotes too.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// The cell without blanks around it and without its quotes, its references not decoded yet.
// `scratch` holds the text of a quoted cell that has quotes inside.
absl::string_view StripCell(absl::string_view raw, std::string* scratch);

// Replaces `text` with what the cell says.
void ReadCell(absl::string_view raw, std::string* text);

// Calls `visit` with each part of the first path, as it is written. "&gt;" separates like
// ">": feeds that were XML once have it. A comma ends the first path, unless the path has no
// ">" before the comma and one behind it, as in "Clothing, Shoes & Jewelry > Women": then it
// belongs to a name.
void ForEachPartOfPath(absl::string_view raw, const std::function<void(absl::string_view part)>& visit);

void AppendCell(absl::string_view text, std::string* out);
// One part of a path; the caller writes " > " between two.
void AppendPart(absl::string_view text, std::string* out);
// One name of a list of names, which commas separate.
void AppendName(absl::string_view text, std::string* out);

}  // namespace mannequin
