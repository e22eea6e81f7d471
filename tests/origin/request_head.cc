#include "tests/origin/request_head.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

// Up to `end`, which goes too; all that is left when there is no `end`.
absl::string_view Take(absl::string_view& rest, absl::string_view end) {
  const std::size_t at = rest.find(end);
  const absl::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == absl::string_view::npos ? rest.size() : at + end.size());
  return taken;
}

}  // namespace

absl::string_view RequestHead::path() const { return target.substr(0, target.find('?')); }

std::optional<RequestHead> ParseRequestHead(absl::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == absl::string_view::npos) return std::nullopt;
  RequestHead head;
  head.bytes = end + 4;
  absl::string_view rest = bytes.substr(0, end);
  absl::string_view line = Take(rest, "\r\n");
  head.method = Take(line, " ");
  head.target = Take(line, " ");
  head.close = line == "HTTP/1.0";
  while (!rest.empty()) {
    absl::string_view value = Take(rest, "\r\n");
    const absl::string_view name = Take(value, ":");
    value = absl::StripAsciiWhitespace(value);
    if (absl::EqualsIgnoreCase(name, "if-none-match")) head.if_none_match = value;
    if (absl::EqualsIgnoreCase(name, "connection")) {
      head.close =
          absl::EqualsIgnoreCase(value, "close") || (head.close && !absl::EqualsIgnoreCase(value, "keep-alive"));
    }
  }
  return head;
}

}  // namespace mannequin
