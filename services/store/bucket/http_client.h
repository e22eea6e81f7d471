// Single HTTP/1.1 exchanges with one server over connections that stay open.
//
//   HttpClient client({.origin = "http://127.0.0.1:9000", .ca_file = "", .connections = 32});
//   ASSIGN_OR_RETURN(HttpAnswer answer, client.Send({.method = "GET", .target = "/bucket/key"}));
//
// Does not try again, follow a redirect, or use a proxy of the environment: s3_client.h is for
// calls, this is for what goes over the wire.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mannequin::store {

struct HttpRequest {
  // "GET", "HEAD", "PUT", "POST" or "DELETE".
  absl::string_view method;
  // Path and query, encoded: "/bucket/key?x=1".
  std::string target = {};
  // Lines: "Name: value".
  std::vector<std::string> headers = {};
  // Not copied.
  absl::string_view body = {};
  // Without a byte for so long the exchange is broken.
  absl::Duration stall = absl::Seconds(12);
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  // Of the header; -1: there was none.
  std::int64_t content_length = -1;
  // Empty where there was none.
  std::string etag;
  std::string date;
  std::string retry_after;
  std::string bucket_region;  // x-amz-bucket-region
  std::string sha256;         // x-amz-meta-sha256
};

// Thread-safe.
class HttpClient {
 public:
  struct Options {
    // "https://host" or "https://host:port".
    std::string origin;
    // PEM; empty: the machine's.
    std::string ca_file;
    // Exchanges at once.
    int connections = 32;
  };

  explicit HttpClient(Options options);
  // No Send() may be under way.
  ~HttpClient();

  // Waits for a free connection. OK with any status that the server gives, when its answer is
  // whole. UNAVAILABLE when it does not answer, or not to the end; FAILED_PRECONDITION when its
  // certificate is none to be trusted or the file with ours cannot be used.
  absl::StatusOr<HttpAnswer> Send(const HttpRequest& request);

 private:
  class Connection;

  const Options options_;
  absl::Mutex mutex_;
  // The one used last at the end: it is the likeliest to be open.
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
  // Free or not made yet.
  int free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::store
