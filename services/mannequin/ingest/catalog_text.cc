#include "services/mannequin/ingest/catalog_text.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/text/html_entities.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mannequin {
namespace {

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// Makes each run of white space from `begin` on one blank (or, with `keep_lines`, one line
// break when it has one), and drops it at the end and at `begin`.
void SqueezeSpaces(size_t begin, bool keep_lines, std::string* text) {
  char* out = text->data() + begin;
  const char* const first = out;
  const char* const end = text->data() + text->size();
  for (const char* in = out; in < end;) {
    if (!IsSpace(*in)) {
      *out++ = *in++;
      continue;
    }
    bool line = false;
    for (; in < end && IsSpace(*in); ++in) line |= *in == '\n' || *in == '\r';
    if (out > first && in < end) *out++ = keep_lines && line ? '\n' : ' ';
  }
  text->resize(static_cast<size_t>(out - text->data()));
}

// Whether there is nothing to clean: no '&', no '<', no white space but single blanks, and
// those not at the ends.
bool IsClean(absl::string_view text) {
  if (text.empty()) return true;
  if (IsSpace(text.front()) || IsSpace(text.back())) return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool blank = false;
#if defined(__SSE2__)
  unsigned carry = 0;
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')));
    const unsigned blanks = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '))));
    if (_mm_movemask_epi8(_mm_or_si128(controls, marks)) != 0 || (blanks & (blanks << 1 | carry)) != 0) return false;
    carry = blanks >> 15;
  }
  blank = carry != 0;
#endif
  for (; at < end; ++at) {
    if (static_cast<unsigned char>(*at) < 0x20 || *at == '&' || *at == '<' || (blank && *at == ' ')) return false;
    blank = *at == ' ';
  }
  return true;
}

struct Tag {
  absl::string_view name;
  // Ends a line.
  bool block;
};
constexpr Tag kTags[] = {
    {"a", false},    {"b", false},    {"blockquote", true}, {"br", true},     {"center", true}, {"div", true},
    {"em", false},   {"font", false}, {"h1", true},         {"h2", true},     {"h3", true},     {"h4", true},
    {"h5", true},    {"h6", true},    {"hr", true},         {"i", false},     {"img", false},   {"li", true},
    {"ol", true},    {"p", true},     {"script", true},     {"small", false}, {"span", false},  {"strong", false},
    {"style", true}, {"sub", false},  {"sup", false},       {"table", true},  {"tbody", true},  {"td", true},
    {"th", true},    {"tr", true},    {"u", false},         {"ul", true},
};
// A longer tag is taken for text.
constexpr size_t kLongestTag = 2048;

struct Markup {
  // 0: there is none at this place.
  size_t bytes = 0;
  bool block = false;
};

// Where the element that began with `name` ends in `text`; its whole length when it does not.
size_t EndOfElement(absl::string_view text, absl::string_view name) {
  for (size_t at = text.find("</"); at != absl::string_view::npos; at = text.find("</", at + 2)) {
    if (!absl::StartsWithIgnoreCase(text.substr(at + 2), name)) continue;
    const size_t end = text.find('>', at);
    return end == absl::string_view::npos ? text.size() : end + 1;
  }
  return text.size();
}

// `text` begins with '<'.
Markup MarkupAt(absl::string_view text) {
  if (absl::StartsWith(text, "<!--")) {
    const size_t end = text.find("-->");
    return {end == absl::string_view::npos ? 0 : end + 3, false};
  }
  const size_t begin = text.size() > 1 && text[1] == '/' ? 2 : 1;
  size_t name_end = begin;
  while (name_end < text.size() && absl::ascii_isalnum(static_cast<unsigned char>(text[name_end]))) ++name_end;
  const absl::string_view name = text.substr(begin, name_end - begin);
  const Tag* const tag = std::find_if(std::begin(kTags), std::end(kTags), [name](const Tag& candidate) {
    return absl::EqualsIgnoreCase(candidate.name, name);
  });
  if (tag == std::end(kTags) || name_end == text.size()) return {};
  if (text[name_end] != '>' && text[name_end] != '/' && !IsSpace(text[name_end])) return {};
  const size_t end = text.substr(0, kLongestTag).find_first_of("<>", name_end);
  if (end == absl::string_view::npos || text[end] == '<') return {};
  const bool opaque = begin == 1 && (tag->name == "script" || tag->name == "style");
  return {opaque ? EndOfElement(text, tag->name) : end + 1, tag->block};
}

void AppendWithoutMarkup(absl::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t angle = std::min(text.find('<'), text.size());
    out->append(text.data(), angle);
    text.remove_prefix(angle);
    if (text.empty()) return;
    const Markup markup = MarkupAt(text);
    if (markup.block) out->push_back('\n');
    if (markup.bytes == 0) out->push_back('<');
    text.remove_prefix(std::max<size_t>(markup.bytes, 1));
  }
}

// Takes an amount off `text`, such as "$1,299.00", and appends it without sign and commas.
bool TakeAmount(absl::string_view* text, std::string* out) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
  absl::ConsumePrefix(text, "$");
  const size_t before = out->size();
  bool point = false;
  size_t i = 0;
  for (; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == ',' && i > 0 && !point) continue;
    if (c != '.' && !absl::ascii_isdigit(static_cast<unsigned char>(c))) break;
    if (c == '.' && (point || i == 0)) break;
    point |= c == '.';
    out->push_back(c);
  }
  text->remove_prefix(i);
  return out->size() > before && out->back() != '.';
}

}  // namespace

void CleanLine(absl::string_view text, std::string* out) {
  if (IsClean(text)) {
    out->assign(text.data(), text.size());
    return;
  }
  out->clear();
  AppendHtmlDecoded(text, out);
  SqueezeSpaces(0, /*keep_lines=*/false, out);
}

void AppendParagraph(absl::string_view text, size_t max_bytes, std::string* out) {
  const size_t before = out->size();
  if (before > 0) out->push_back('\n');
  const size_t begin = out->size();
  if (IsClean(text)) {
    out->append(text.data(), text.size());
  } else if (text.find('<') != absl::string_view::npos) {
    std::string plain;
    AppendWithoutMarkup(text, &plain);
    AppendHtmlDecoded(plain, out);
    SqueezeSpaces(begin, /*keep_lines=*/true, out);
  } else {
    AppendHtmlDecoded(text, out);
    SqueezeSpaces(begin, /*keep_lines=*/true, out);
  }
  if (out->size() > max_bytes) {
    size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>((*out)[end]) & 0xC0) == 0x80) --end;
    out->resize(end);
    while (!out->empty() && IsSpace(out->back())) out->pop_back();
  }
  if (out->size() == begin) out->resize(before);
}

bool HasMarkup(absl::string_view text) {
  for (size_t at = text.find('<'); at != absl::string_view::npos; at = text.find('<', at + 1)) {
    if (MarkupAt(text.substr(at)).bytes > 0) return true;
  }
  return false;
}

std::string PriceOf(absl::string_view text) {
  std::string price;
  if (!TakeAmount(&text, &price)) return "";
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::ConsumePrefix(&text, "-")) {
    price += " - ";
    if (!TakeAmount(&text, &price)) return "";
  }
  return absl::StripLeadingAsciiWhitespace(text).empty() && price.size() <= 256 ? price : "";
}

}  // namespace mannequin
