// AWS Signature Version 4 of a request whose body is signed too
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
//
//   request.headers.emplace_back("x-amz-date", SigningTime(now));
//   request.headers.emplace_back("authorization", Authorization(request, credentials, "us-east-1", now));
//
// libcurl's own signs queries that are not in order and encoded just so in another way than
// servers do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/store/bucket/credentials.h"

namespace mannequin::store {

struct RequestToSign {
  // E.g. "GET".
  absl::string_view method;
  // As it is sent: encoded, from the first "/".
  absl::string_view path;
  // As it is sent: by CanonicalQuery().
  absl::string_view query = {};
  // All that are to be signed, "host", "x-amz-content-sha256" and "x-amz-date" among them;
  // names in lower case, each once.
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Of the body; 64 lower-case hex digits.
  absl::string_view body_sha256;
};

using Query = std::vector<std::pair<std::string, std::string>>;

// All but letters, digits and "-_.~" as %XX; "/" stays where `keep_slashes`.
std::string UriEncode(absl::string_view text, bool keep_slashes);
// Encoded and in the order of the names: "a=1&b=". Without the "?".
std::string CanonicalQuery(const Query& query);
// For the header "x-amz-date": "20130524T000000Z".
std::string SigningTime(absl::Time now);
// The value of the header "authorization". `now` is that of "x-amz-date".
std::string Authorization(const RequestToSign& request, const Credentials& credentials, absl::string_view region,
                          absl::Time now);

}  // namespace mannequin::store
