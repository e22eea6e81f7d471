#include "common/base/xml.h"

#include "absl/strings/str_replace.h"

namespace mannequin {

std::string EscapeXml(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      // A parser would turn these into spaces within an attribute.
      case '\t':
        escaped += "&#9;";
        break;
      case '\n':
        escaped += "&#10;";
        break;
      case '\r':
        escaped += "&#13;";
        break;
      default:
        byte < 0x20 ? escaped += "\uFFFD" : escaped += c;
    }
  }
  // U+FFFE and U+FFFF, the two of the plane that XML leaves out.
  return absl::StrReplaceAll(escaped, {{"\xEF\xBF\xBE", "\uFFFD"}, {"\xEF\xBF\xBF", "\uFFFD"}});
}

}  // namespace mannequin
