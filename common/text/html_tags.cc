#include "common/text/html_tags.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace mannequin {
namespace {

// Sorted. What listings hold; scripts and forms as well, since pages are pasted whole.
constexpr absl::string_view kElements[] = {
    "a",      "abbr", "article", "aside",  "b",     "big",     "blockquote", "body", "br",     "button",  "center",
    "cite",   "code", "dd",      "del",    "div",   "dl",      "dt",         "em",   "embed",  "figure",  "font",
    "footer", "form", "h1",      "h2",     "h3",    "h4",      "h5",         "h6",   "head",   "header",  "hr",
    "html",   "i",    "iframe",  "img",    "input", "ins",     "label",      "li",   "link",   "main",    "mark",
    "meta",   "nav",  "object",  "ol",     "p",     "picture", "pre",        "s",    "script", "section", "small",
    "source", "span", "strike",  "strong", "style", "sub",     "sup",        "svg",  "table",  "tbody",   "td",
    "tfoot",  "th",   "thead",   "title",  "tr",    "tt",      "u",          "ul",   "video",  "wbr",
};
constexpr std::size_t kLongestName = 10;

bool IsElement(absl::string_view name) {
  char lower[kLongestName];
  if (name.empty() || name.size() > kLongestName) return false;
  std::transform(name.begin(), name.end(), lower, absl::ascii_tolower);
  return std::binary_search(std::begin(kElements), std::end(kElements), absl::string_view(lower, name.size()));
}

// Bytes of the tag that `text`, which begins with '<', begins with; 0 for none.
std::size_t TagBytes(absl::string_view text) {
  const std::size_t start = text.size() > 1 && text[1] == '/' ? 2 : 1;
  std::size_t end = start;
  while (end < text.size() && end - start <= kLongestName && absl::ascii_isalnum(static_cast<unsigned char>(text[end])))
    ++end;
  if (!IsElement(text.substr(start, end - start))) return 0;
  const std::size_t close = text.find_first_of("<>", end);
  if (close == absl::string_view::npos || text[close] == '<') return 0;
  // Attributes stand apart from the name.
  if (close > end && text[end] != '/' && !absl::ascii_isspace(static_cast<unsigned char>(text[end]))) return 0;
  return close + 1;
}

}  // namespace

std::string WithoutHtmlTags(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool open_comment = false;  // one that never ends was seen: not searched for again
  while (!text.empty()) {
    const std::size_t start = std::min(text.find('<'), text.size());
    out.append(text.data(), start);
    text.remove_prefix(start);
    if (text.empty()) break;
    std::size_t bytes = TagBytes(text);
    if (!open_comment && absl::StartsWith(text, "<!--")) {
      const std::size_t end = text.find("-->", 4);
      open_comment = end == absl::string_view::npos;
      if (!open_comment) bytes = end + 3;
    }
    out.push_back(bytes == 0 ? '<' : ' ');
    text.remove_prefix(std::max<std::size_t>(1, bytes));
  }
  return out;
}

}  // namespace mannequin
