// Fetches URLs, up to 10,000 at once: libcurl's multi interface over epoll, on a few threads.
//
//   TransferEngine engine(filter, {.connections = 200, .contact = "https://shop.example/bot"});
//   engine.Submit({{.url = "http://a.example/1.jpg", .done = [](TransferResult r) { ... }}});
//
// What it promises whatever the origin does: only http and https, at most 5 redirects,
// only addresses that the filter lets through (asked at every connect), certificates
// verified, no proxy and no credentials from the environment, no content decoding, a
// cap on header and body counted while they arrive, and an end by `timeout`.
//
// What it promises to origins: their robots.txt, a limit of connections and of requests a
// second, and pauses when they ask for one or are down (host_schedule.h).
//
// Memory is bounded. Bytes count as held from their arrival until Release(); at half of
// `max_held_bytes` no new transfer begins, and one that would go over the whole of it is
// broken off to be tried again. Sockets are never paused.
//
// Not for deciding what a body is worth: see image_check.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "mannequin/v1/product.pb.h"
#include "services/fetcher/address_filter.h"

namespace mannequin {

enum class Retry {
  // The origin will answer the same.
  kNever,
  // The origin or the way to it may get better: an attempt was spent.
  kLater,
  // It was not this URL's doing (memory short, not begun in time, cancelled, or the whole
  // host pauses after 429 or 503).
  kUncounted,
};

struct TransferResult {
  // UNSPECIFIED: `body` is what the origin sent with status 200, or `not_modified`.
  v1::FetchFailure failure = v1::FETCH_FAILURE_UNSPECIFIED;
  // For a person, e.g. "HTTP 404". Empty without a failure.
  std::string message;
  Retry retry = Retry::kNever;
  // Trying again sooner is no use: what the origin asked for (Retry-After), what its pause
  // lasts still, or until its robots.txt is asked again. Zero: nothing is known.
  absl::Duration retry_after;
  // Give these back with Release(body.size()) once they are gone.
  std::string body;
  absl::Duration elapsed;
  // 304 to a conditional request; `body` is empty.
  bool not_modified = false;
  // Of the final answer, for the next conditional request. Printable ASCII; empty when the
  // origin sent none, or one over 1,024 bytes, or another character.
  std::string etag;
  std::string last_modified;
  // A request for this URL went out (its robots.txt does not count).
  bool sent = false;
};

struct TransferRequest {
  std::string url;
  // From its begin to its end, redirects included, waiting not.
  absl::Duration timeout = absl::Seconds(30);
  // Not begun by then: ends with kUncounted.
  absl::Time start_by = absl::InfiniteFuture();
  // Called once, on one of the engine's threads (or on Submit's, after Stop): hand over, do
  // not work.
  std::function<void(TransferResult)> done;
  // Of an earlier result; not both empty: the request is conditional.
  std::string etag;
  std::string last_modified;
  // False: a person asked for this one URL, so robots.txt, rates and pauses do not count.
  bool polite = true;
};

// The first that matches a host counts, also where the allow list would lift all limits.
struct HostRule {
  // A name, "*.example.com" for all below one, or "*". Case does not matter.
  std::string host;
  // 0: TransferOptions.connections_per_host.
  int connections = 0;
  // 0: TransferOptions.requests_per_second_per_host; -1: no bound.
  double requests_per_second = 0;
  bool ignore_robots = false;
};

struct TransferOptions {
  // 1 to 10,000; lowered to what the process's limit on descriptors leaves.
  int connections = 200;
  // Of one "scheme://host:port"; streams, where the origin speaks HTTP/2. An origin on an
  // address of the allow list has neither limit.
  int connections_per_host = 8;
  double requests_per_second_per_host = 20;
  std::vector<HostRule> host_rules;
  std::int64_t max_body_bytes = 16 << 20;
  std::int64_t max_held_bytes = 64 << 20;
  // Each with the hosts that fall to it and its part of `max_lookups`; the other limits are
  // common to all.
  int threads = 1;
  // Names being looked up at once, one a thread at least; a lookup is a thread of libcurl's,
  // and one that hangs outlives its transfer.
  int max_lookups = 16;
  // Whom to write to when the crawler is a nuisance; a part of the User-Agent.
  std::string contact;
  // A PEM file, trusted besides the system's. Empty: none.
  std::string certificate_authorities;
  // Of the jitter of pauses.
  std::uint64_t seed = 1;
};

// A host that is left alone just now.
struct TroubledHost {
  // "scheme://host:port".
  std::string origin;
  // E.g. "HTTP 429, asked to wait 30 s", "8 connects failed in a row".
  std::string reason;
  double seconds_left = 0;
  // Requests that wait for it.
  std::int64_t queued = 0;
  bool given_up = false;
};

struct TroubleReport {
  // Those with most waiting first.
  std::vector<TroubledHost> hosts;
  // Of all, also those that did not fit into `hosts`.
  std::int64_t count = 0;
};

// Thread-safe.
class TransferEngine {
 public:
  // INVALID_ARGUMENT names the option that is wrong; NOT_FOUND: the file of authorities
  // cannot be read; RESOURCE_EXHAUSTED: not one connection fits the limit on descriptors.
  static absl::Status Validate(const TransferOptions& options);

  // `filter` must outlive it. Starts its threads. What Validate() would refuse is logged and
  // done without.
  TransferEngine(const AddressFilter& filter, TransferOptions options);
  // Stops.
  ~TransferEngine();
  // As CancelAll(), then joins; what is submitted later also ends as cancelled.
  void Stop();

  // Queues; order is kept within an origin, but for what is broken off for faster hosts.
  void Submit(std::vector<TransferRequest> requests);
  // Ends everything that is queued or running now with kUncounted.
  void CancelAll();
  // `bytes` of bodies are gone; below 0 when what was made of one is greater.
  void Release(std::int64_t bytes);

  // At most `most` hosts; as of a second ago.
  TroubleReport Troubles(std::size_t most = 20) const;

  // What fits of TransferOptions.connections.
  int connections() const;
  // Submitted and not begun.
  std::int64_t queued() const;
  // Begun and not ended; for a moment one more a thread, while it looks for the next.
  std::int64_t running() const;
  std::int64_t held_bytes() const;
  // All bytes of bodies so far.
  std::int64_t received_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
