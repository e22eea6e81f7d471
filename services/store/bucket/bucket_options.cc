#include "services/store/bucket/bucket_options.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/check_range.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace mannequin::store {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
// S3's own: a key has 1024 bytes, of which ours may be 512.
constexpr std::size_t kMaxPrefixBytes = 256;

struct Endpoint {
  std::string origin;
  std::string host;
};

// As a Host header has it: without the port that the scheme has anyway.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("bucket.endpoint: \"", text, "\" ", why,
                                                   "; expected e.g. \"https://s3.eu-central-1.amazonaws.com\""));
  };
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (url == nullptr) return absl::ResourceExhaustedError("bucket.endpoint: no memory");
  const auto part = [&url](CURLUPart which, unsigned flags = 0) {
    char* value = nullptr;
    if (curl_url_get(url.get(), which, &value, flags) != CURLUE_OK) return std::string();
    std::string copy = value;
    curl_free(value);
    return copy;
  };
  // A password in it is not to be in the message.
  if (absl::StrContains(text, "@")) {
    return absl::InvalidArgumentError("bucket.endpoint: a user in it; name a bucket.credentials_file");
  }
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return wrong("is no URL");
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return wrong("is not http or https");
  if (part(CURLUPART_PATH) != "/" || !part(CURLUPART_QUERY).empty() || !part(CURLUPART_FRAGMENT).empty()) {
    return wrong("has more than a host and a port; the bucket is in bucket.name");
  }
  Endpoint endpoint;
  endpoint.host = absl::AsciiStrToLower(part(CURLUPART_HOST));
  const std::string port = part(CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  if (!port.empty()) absl::StrAppend(&endpoint.host, ":", port);
  endpoint.origin = absl::StrCat(scheme, "://", endpoint.host);
  return endpoint;
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool IsBucketName(absl::string_view name) {
  const auto is_end = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c));
  };
  return name.size() >= 3 && name.size() <= 63 && is_end(name.front()) && is_end(name.back()) &&
         !absl::StrContains(name, "..") &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_end(c) || c == '-' || c == '.'; });
}

bool IsRegion(absl::string_view region) {
  return region.size() <= 64 && std::all_of(region.begin(), region.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
         });
}

}  // namespace

bool IsKey(absl::string_view text) {
  for (const absl::string_view part : absl::StrSplit(text, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-_./", absl::string_view(&c, 1));
  });
}

absl::StatusOr<BucketOptions> BucketOptionsOf(const config::v1::BucketConfig& config) {
  BucketOptions options;
  ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint(config.endpoint()));
  options.client.http.origin = endpoint.origin;
  options.client.host = endpoint.host;

  options.client.region = config.region().empty() ? "us-east-1" : config.region();
  if (!IsRegion(options.client.region)) {
    return absl::InvalidArgumentError("bucket.region: not at most 64 letters, digits, '-' and '_'");
  }
  options.name = config.name();
  if (!IsBucketName(options.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("bucket.name: \"", options.name,
                     "\" is not 3 to 63 lower-case letters, digits, '-' and '.', a letter or digit at both ends"));
  }
  options.prefix = config.prefix();
  if (options.prefix.size() > kMaxPrefixBytes ||
      (!options.prefix.empty() && !IsKey(absl::StripSuffix(options.prefix, "/")))) {
    return absl::InvalidArgumentError(
        absl::StrCat("bucket.prefix: \"", options.prefix, "\" is not at most ", kMaxPrefixBytes,
                     " letters, digits and \"-_./\", without empty parts, \".\" and \"..\""));
  }
  options.client.http.connections = config.max_transfers() == 0 ? 32 : config.max_transfers();
  RETURN_IF_ERROR(CheckRange("bucket.max_transfers", options.client.http.connections, 1, 1000));
  options.part_bytes = config.part_bytes() == 0 ? 8 * kMiB : config.part_bytes();
  RETURN_IF_ERROR(CheckRange("bucket.part_bytes", options.part_bytes, 5 * kMiB, 5 * 1024 * kMiB));
  options.client.http.ca_file = config.ca_file();
  if (!config.ca_file().empty()) {
    absl::StatusOr<std::string> pem = ReadFile(config.ca_file());
    if (!pem.ok()) return absl::Status(pem.status().code(), absl::StrCat("bucket.ca_file: ", pem.status().message()));
    if (!absl::StrContains(*pem, "-----BEGIN CERTIFICATE-----")) {
      return absl::InvalidArgumentError(absl::StrCat("bucket.ca_file: ", config.ca_file(), ": no certificate in PEM"));
    }
  }
  return options;
}

}  // namespace mannequin::store
