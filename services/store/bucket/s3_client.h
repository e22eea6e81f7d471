// Signed calls to an S3 server, tried again where that makes sense.
//
//   ASSIGN_OR_RETURN(HttpAnswer answer, client.Call({.method = "GET", .path = "/bucket/images/ab12"}));
//
// What calls a bucket needs is in bucket.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/store/bucket/bucket_time.h"
#include "services/store/bucket/credentials.h"
#include "services/store/bucket/http_client.h"
#include "services/store/bucket/s3_xml.h"
#include "services/store/bucket/signature.h"

namespace mannequin::store {

struct S3Request {
  absl::string_view method;
  // Behind the server's address, not encoded: "/bucket/key".
  std::string path = {};
  Query query = {};
  // Of the body of a PUT or POST.
  std::string media_type = "application/xml";
  // Signed; names in lower case. What each request has is added.
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Lives as long as the call.
  absl::string_view body = {};
  // Of `body`; empty: it is computed.
  std::string body_sha256 = {};
  // For calls that take the server long.
  absl::Duration stall = absl::Seconds(12);
  // Looks at an answer of 2xx. An error is what the answer really says: trying again makes sense
  // when it is UNAVAILABLE or DATA_LOSS.
  std::function<absl::Status(const HttpAnswer&)> check = {};
};

// Thread-safe.
class S3Client {
 public:
  struct Options {
    HttpClient::Options http;
    // "host" or "host:port", as in a Host header.
    std::string host;
    std::string region;
  };

  S3Client(Options options, std::unique_ptr<CredentialSource> credentials, BucketTime time);

  // An answer of 2xx. Errors: bucket.h and RefusalOf() (s3_error.h).
  absl::StatusOr<HttpAnswer> Call(const S3Request& request);

  const BucketTime& time() const { return time_; }

 private:
  HttpRequest Sign(const S3Request& request, const std::string& path, const std::string& query,
                   absl::string_view body_sha256, const Credentials& credentials) const;

  const Options options_;
  const std::unique_ptr<CredentialSource> credentials_;
  const BucketTime time_;
  HttpClient http_;
};

}  // namespace mannequin::store
