#include "services/mannequin/ingest/merchant_cell.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/text/html_entities.h"

namespace mannequin {
namespace {

absl::string_view StripBlanks(absl::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Whether `text`, which begins and ends with a quote, is a quoted cell: each quote inside is
// doubled. `*doubled` says whether there is one.
bool IsQuoted(absl::string_view text, bool* doubled) {
  const absl::string_view inside = text.substr(1, text.size() - 2);
  *doubled = false;
  for (size_t at = inside.find('"'); at != absl::string_view::npos; at = inside.find('"', at + 2)) {
    if (at + 1 == inside.size() || inside[at + 1] != '"') return false;
    *doubled = true;
  }
  return true;
}

// Writes `text`; characters of `special` and those that no cell can hold as references.
void AppendEscaped(absl::string_view text, absl::string_view special, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool at_end = i == 0 || i + 1 == text.size();
    if (c == '\t') {
      *out += "&#9;";
    } else if (c == '\n') {
      *out += "&#10;";
    } else if (c == '\r') {
      *out += "&#13;";
    } else if (c == ' ' && at_end) {
      *out += "&#32;";
    } else if (c == '"' && (i == 0 || absl::StrContains(special, '"'))) {
      *out += "&quot;";
    } else if (c == '>' && absl::StrContains(special, '>')) {
      *out += "&#62;";
    } else if (c == ',' && absl::StrContains(special, ',')) {
      *out += "&#44;";
    } else if (c == '&' && BeginsWithHtmlEntity(text.substr(i))) {
      *out += "&amp;";
    } else {
      *out += c;
    }
  }
}

// Bytes of the separator of parts at `at`; 0 when there is none.
size_t SeparatorAt(absl::string_view text, size_t at) {
  if (text[at] == '>') return 1;
  return absl::StartsWith(text.substr(at), "&gt;") ? 4 : 0;
}

}  // namespace

absl::string_view StripCell(absl::string_view raw, std::string* scratch) {
  const absl::string_view text = StripBlanks(raw);
  bool doubled = false;
  if (text.size() < 2 || text.front() != '"' || text.back() != '"' || !IsQuoted(text, &doubled)) return text;
  const absl::string_view inside = text.substr(1, text.size() - 2);
  if (!doubled) return inside;
  scratch->clear();
  for (size_t i = 0; i < inside.size(); ++i) {
    scratch->push_back(inside[i]);
    if (inside[i] == '"') ++i;
  }
  return *scratch;
}

void ReadCell(absl::string_view raw, std::string* text) {
  std::string scratch;
  const absl::string_view cell = StripCell(raw, &scratch);
  text->clear();
  AppendHtmlDecoded(cell, text);
}

void ForEachPartOfPath(absl::string_view raw, const std::function<void(absl::string_view part)>& visit) {
  std::string scratch;
  const absl::string_view path = StripCell(raw, &scratch);
  size_t last = 0;  // behind the last separator
  for (size_t i = 0; i < path.size(); ++i) {
    if (SeparatorAt(path, i) > 0) last = i + SeparatorAt(path, i);
  }
  size_t begin = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    const size_t separator = SeparatorAt(path, i);
    const bool in_a_name = begin == 0 && i < last;
    if (separator == 0 && (path[i] != ',' || in_a_name)) continue;
    visit(StripBlanks(path.substr(begin, i - begin)));
    if (separator == 0) return;
    begin = i + separator;
    i = begin - 1;
  }
  visit(StripBlanks(path.substr(begin)));
}

void AppendCell(absl::string_view text, std::string* out) { AppendEscaped(text, "", out); }
void AppendPart(absl::string_view text, std::string* out) { AppendEscaped(text, ">,\"", out); }
void AppendName(absl::string_view text, std::string* out) { AppendEscaped(text, ",\"", out); }

}  // namespace mannequin
