#include "services/fetcher/url.h"

#include <curl/curl.h>

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
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
  const std::string host = absl::AsciiStrToLower(Part(url.get(), CURLUPART_HOST));
  if (host.empty()) return absl::InvalidArgumentError("url: no host");
  curl_url_set(url.get(), CURLUPART_HOST, host.c_str(), 0);
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  return Url{Part(url.get(), CURLUPART_URL),
             absl::StrCat(scheme, "://", host, ":", Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT))};
}

}  // namespace mannequin
