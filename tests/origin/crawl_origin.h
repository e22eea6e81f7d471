// An HTTP/1.1 origin for measuring and testing a crawl: a folder's pictures out of memory,
// many hosts on one machine, and faults on demand that come again with the same seed.
//
//   CrawlOriginOptions options;
//   options.faults.share = 0.3;
//   ASSIGN_OR_RETURN(auto origin, CrawlOrigin::Start("pictures", options));
//   std::string url = origin->Url("/a.jpg");
//   ... origin->Targets()["/a.jpg"].requests
//
// A target is what a request line names. "/a.jpg?3" is the file a.jpg under a target of its
// own, so that one folder serves a list of any length without a URL twice. A target that is
// redirected is asked for again below /final, and counted there as another.
//
// Not for the open network, and not for what only a few requests need: see
// tests/unit/fetcher/test_origin.h, which answers by a function.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/origin/fault_plan.h"

namespace mannequin {

struct CrawlOriginOptions {
  // 0: a free one, the same for all hosts.
  int port = 0;
  // On 127.0.0.1, 127.0.0.2 and so on; at most 65,536.
  int hosts = 1;
  // The last so many of them send one byte a second.
  int slow_hosts = 0;
  // Each with its own listeners and connections; 1 to 64.
  int threads = 1;
  // From a request's arrival to its answer.
  absl::Duration latency;
  FaultPlanOptions faults;
  // Of a 503, in seconds; 0: without.
  int retry_after_s = 1;
  // Pictures carry an ETag, and If-None-Match is answered with 304.
  bool etag = false;
  // What /robots.txt says; it takes no faults.
  std::string robots = "User-agent: *\nAllow: /\n";
};

struct TargetCounts {
  std::int64_t requests = 0;
  std::int64_t faults = 0;
};

struct OriginCounts {
  // robots.txt excepted, which `robots` counts.
  std::int64_t requests = 0;
  std::int64_t robots = 0;
  // By status; a reset has none.
  std::map<int, std::int64_t> statuses;
  std::array<std::int64_t, kFaults> faults{};
  // Resets of a connection that had answered before: a client may ask again on another one
  // without having seen a failure (RFC 9112, 9.3.1), and libcurl does.
  std::int64_t resets_of_used = 0;
  // Of bodies.
  std::int64_t bytes = 0;
  std::int64_t connections = 0;
  // At one time.
  std::int64_t most_connections = 0;
  std::int64_t most_requests = 0;

  // kNone excepted.
  std::int64_t AllFaults() const;
};

// Thread-safe.
class CrawlOrigin {
 public:
  // Reads every file of `folder` (not of folders in it) into memory. NOT_FOUND: no such
  // folder; UNAVAILABLE: a port is taken; INVALID_ARGUMENT: an option out of its range.
  static absl::StatusOr<std::unique_ptr<CrawlOrigin>> Start(const std::string& folder, CrawlOriginOptions options);

  // Cuts every connection.
  ~CrawlOrigin();

  int port() const;
  // On host `host`, counted from 0.
  std::string Url(absl::string_view target, int host = 0) const;
  OriginCounts Counts() const;
  std::map<std::string, TargetCounts> Targets() const;

 private:
  struct Impl;
  explicit CrawlOrigin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
