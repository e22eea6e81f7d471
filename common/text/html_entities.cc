#include "common/text/html_entities.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/text/utf8.h"

namespace mannequin {
namespace {

struct Entity {
  absl::string_view name;
  std::int32_t code;
};

// Sorted by name (ASCII order).
constexpr Entity kEntities[] = {
    {"AElig", 0xC6},  {"Aacute", 0xC1},   {"Acirc", 0xC2},   {"Agrave", 0xC0}, {"Aring", 0xC5},   {"Atilde", 0xC3},
    {"Auml", 0xC4},   {"Ccedil", 0xC7},   {"Eacute", 0xC9},  {"Ecirc", 0xCA},  {"Egrave", 0xC8},  {"Euml", 0xCB},
    {"Iacute", 0xCD}, {"Ntilde", 0xD1},   {"Oacute", 0xD3},  {"Ocirc", 0xD4},  {"Oslash", 0xD8},  {"Ouml", 0xD6},
    {"Uacute", 0xDA}, {"Uuml", 0xDC},     {"aacute", 0xE1},  {"acirc", 0xE2},  {"aelig", 0xE6},   {"agrave", 0xE0},
    {"amp", '&'},     {"apos", '\''},     {"aring", 0xE5},   {"atilde", 0xE3}, {"auml", 0xE4},    {"bull", 0x2022},
    {"ccedil", 0xE7}, {"cent", 0xA2},     {"copy", 0xA9},    {"deg", 0xB0},    {"eacute", 0xE9},  {"ecirc", 0xEA},
    {"egrave", 0xE8}, {"euml", 0xEB},     {"euro", 0x20AC},  {"frac12", 0xBD}, {"frac14", 0xBC},  {"frac34", 0xBE},
    {"gt", '>'},      {"hellip", 0x2026}, {"iacute", 0xED},  {"icirc", 0xEE},  {"igrave", 0xEC},  {"iuml", 0xEF},
    {"laquo", 0xAB},  {"ldquo", 0x201C},  {"lsquo", 0x2018}, {"lt", '<'},      {"mdash", 0x2014}, {"micro", 0xB5},
    {"middot", 0xB7}, {"nbsp", 0xA0},     {"ndash", 0x2013}, {"ntilde", 0xF1}, {"oacute", 0xF3},  {"ocirc", 0xF4},
    {"ograve", 0xF2}, {"oslash", 0xF8},   {"otilde", 0xF5},  {"ouml", 0xF6},   {"plusmn", 0xB1},  {"pound", 0xA3},
    {"quot", '"'},    {"raquo", 0xBB},    {"rdquo", 0x201D}, {"reg", 0xAE},    {"rsquo", 0x2019}, {"szlig", 0xDF},
    {"times", 0xD7},  {"trade", 0x2122},  {"uacute", 0xFA},  {"ucirc", 0xFB},  {"ugrave", 0xF9},  {"uuml", 0xFC},
    {"yen", 0xA5},
};
constexpr std::size_t kLongestReference = 10;  // between '&' and ';', e.g. "#x0010FFFF"

// The code point of what stands between '&' and ';', or -1.
std::int32_t Resolve(absl::string_view body) {
  if (!body.empty() && body[0] == '#') {
    body.remove_prefix(1);
    std::uint32_t code = 0;
    const bool hex = !body.empty() && (body[0] == 'x' || body[0] == 'X');
    if (hex) body.remove_prefix(1);
    if (body.empty() || !absl::ascii_isxdigit(static_cast<unsigned char>(body[0]))) return -1;
    if (hex ? !absl::SimpleHexAtoi(body, &code) : !absl::SimpleAtoi(body, &code)) return -1;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return -1;
    return static_cast<std::int32_t>(code);
  }
  const auto* found = std::lower_bound(std::begin(kEntities), std::end(kEntities), body,
                                       [](const Entity& entity, absl::string_view name) { return entity.name < name; });
  return found != std::end(kEntities) && found->name == body ? found->code : -1;
}

// The code point of the reference that `text` begins with, or -1; `*bytes` is its length.
std::int32_t ResolveFirst(absl::string_view text, std::size_t* bytes) {
  const std::size_t end = text.substr(0, kLongestReference + 2).find(';');
  if (end == absl::string_view::npos) return -1;
  *bytes = end + 1;
  return Resolve(text.substr(1, end - 1));
}

}  // namespace

std::string DecodeHtmlEntities(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendHtmlDecoded(text, &out);
  return out;
}

void AppendHtmlDecoded(absl::string_view text, std::string* out) {
  while (!text.empty()) {
    const std::size_t start = text.find('&');
    out->append(text.data(), std::min(start, text.size()));
    if (start == absl::string_view::npos) return;
    text.remove_prefix(start);
    std::size_t bytes = 1;
    const std::int32_t code = ResolveFirst(text, &bytes);
    if (code < 0) {
      out->push_back('&');
      text.remove_prefix(1);
    } else {
      AppendCodePoint(code, *out);
      text.remove_prefix(bytes);
    }
  }
}

bool BeginsWithHtmlEntity(absl::string_view text) {
  std::size_t bytes;
  return ResolveFirst(text, &bytes) >= 0;
}

}  // namespace mannequin
