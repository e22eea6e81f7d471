#include "services/fetcher/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxBytes = 2048;

// The part, or empty when the URL has none.
std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

// One spelling for each host, so that no limit is got round by another.
std::string Host(CURLU* url) {
  std::string host;
#ifdef CURLU_PUNYCODE
  host = Part(url, CURLUPART_HOST, CURLU_PUNYCODE);
#endif
  if (host.empty()) host = Part(url, CURLUPART_HOST);
  absl::AsciiStrToLower(&host);
  while (absl::EndsWith(host, ".")) host.pop_back();
  return host;
}

}  // namespace

absl::StatusOr<Url> ParseUrl(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return absl::InvalidArgumentError("url: empty; an http or https URL is expected");
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("url: ", text.size(), " bytes; at most ", kMaxBytes));
  }
  for (char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("url: a control character in it; escape it as %XX");
    }
  }
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_URLENCODE);
  if (code == CURLUE_UNSUPPORTED_SCHEME) return absl::InvalidArgumentError("url: only http and https are fetched");
  if (code != CURLUE_OK) return absl::InvalidArgumentError(absl::StrCat("url: ", curl_url_strerror(code)));

  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return absl::InvalidArgumentError(absl::StrCat("url: scheme ", scheme, "; only http and https are fetched"));
  }
  if (!Part(url.get(), CURLUPART_USER).empty() || !Part(url.get(), CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("url: a user name or password in it; remove it");
  }
  const std::string given = Host(url.get());
  if (given.empty()) return absl::InvalidArgumentError("url: no host");
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  // Read once more as it is now: without its dot "2130706433." is an address.
  if (curl_url_set(url.get(), CURLUPART_HOST, given.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, Part(url.get(), CURLUPART_URL).c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError("url: no host that can be");
  }
  const std::string host = Host(url.get());

  Url parsed;
  parsed.text = Part(url.get(), CURLUPART_URL);
  parsed.origin = absl::StrCat(scheme, "://", host, ":", Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  const std::string query = Part(url.get(), CURLUPART_QUERY);
  parsed.path = absl::StrCat(Part(url.get(), CURLUPART_PATH), query.empty() ? "" : "?", query);
  in_addr v4;
  parsed.is_address = host.front() == '[' || inet_pton(AF_INET, host.c_str(), &v4) == 1;
  parsed.host = host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  return parsed;
}

}  // namespace mannequin
