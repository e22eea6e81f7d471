#include "services/store/bucket/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/sha256.h"

namespace mannequin::store {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";
constexpr char kScopeEnd[] = "s3/aws4_request";

std::string Hmac(absl::string_view key, absl::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

}  // namespace

std::string UriEncode(absl::string_view text, bool keep_slashes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slashes)) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

std::string CanonicalQuery(const Query& query) {
  std::vector<std::string> parts;
  parts.reserve(query.size());
  for (const auto& [name, value] : query)
    parts.push_back(absl::StrCat(UriEncode(name, false), "=", UriEncode(value, false)));
  std::sort(parts.begin(), parts.end());
  return absl::StrJoin(parts, "&");
}

std::string SigningTime(absl::Time now) { return absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()); }

std::string Authorization(const RequestToSign& request, const Credentials& credentials, absl::string_view region,
                          absl::Time now) {
  auto headers = request.headers;
  std::sort(headers.begin(), headers.end());
  std::string lines;
  for (const auto& [name, value] : headers) {
    std::string single = value;
    absl::RemoveExtraAsciiWhitespace(&single);
    absl::StrAppend(&lines, name, ":", single, "\n");
  }
  const std::string names =
      absl::StrJoin(headers, ";", [](std::string* out, const auto& header) { absl::StrAppend(out, header.first); });
  const std::string canonical = absl::StrCat(request.method, "\n", request.path, "\n", request.query, "\n", lines, "\n",
                                             names, "\n", request.body_sha256);

  const std::string time = SigningTime(now);
  const absl::string_view day = absl::string_view(time).substr(0, 8);
  const std::string scope = absl::StrCat(day, "/", region, "/", kScopeEnd);
  const std::string to_sign = absl::StrCat(kAlgorithm, "\n", time, "\n", scope, "\n", Sha256Hex(canonical));
  const std::string key =
      Hmac(Hmac(Hmac(Hmac(absl::StrCat("AWS4", credentials.secret_access_key), day), region), "s3"), "aws4_request");
  return absl::StrCat(kAlgorithm, " Credential=", credentials.access_key_id, "/", scope, ",SignedHeaders=", names,
                      ",Signature=", absl::BytesToHexString(Hmac(key, to_sign)));
}

}  // namespace mannequin::store
