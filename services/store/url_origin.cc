#include "services/store/url_origin.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin::store {
namespace {

constexpr std::size_t kMaxBytes = 255;

}  // namespace

std::string OriginOf(absl::string_view url) {
  url = absl::StripLeadingAsciiWhitespace(url);
  absl::string_view scheme = "http";
  absl::string_view port = "80";
  if (absl::StartsWithIgnoreCase(url, "https://")) {
    scheme = "https";
    port = "443";
  } else if (!absl::StartsWithIgnoreCase(url, "http://")) {
    return "";
  }
  url.remove_prefix(scheme.size() + 3);
  absl::string_view host = url.substr(0, url.find_first_of("/?#\\ \t\r\n"));
  host.remove_prefix(host.rfind('@') + 1);  // npos + 1 is 0: no user before it
  const std::size_t colon = host.find(':', host.find(']') == absl::string_view::npos ? 0 : host.find(']'));
  if (colon != absl::string_view::npos) {
    if (colon + 1 < host.size()) port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (host.empty()) return "";
  std::string origin = absl::StrCat(scheme, "://", absl::AsciiStrToLower(host), ":", port);
  std::size_t end = std::min(origin.size(), kMaxBytes);
  // Not within a character of UTF-8.
  while (end < origin.size() && (origin[end] & 0xc0) == 0x80) --end;
  origin.resize(end);
  return origin;
}

}  // namespace mannequin::store
