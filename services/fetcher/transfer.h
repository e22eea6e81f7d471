// Fetches URLs, hundreds at once, on one thread: libcurl's multi interface over epoll.
//
//   TransferEngine engine(filter, {.connections = 200});
//   engine.Submit({{.url = "http://a.example/1.jpg", .done = [](TransferResult r) { ... }}});
//
// What it promises whatever the origin does: only http and https, at most 5 redirects,
// only addresses that the filter lets through (asked at every connect), certificates
// verified, no proxy and no credentials from the environment, no content decoding, a
// cap on header and body counted while they arrive, and an end by `timeout`.
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

#include "absl/time/time.h"
#include "mannequin/v1/product.pb.h"
#include "services/fetcher/address_filter.h"

namespace mannequin {

enum class Retry {
  // The origin will answer the same.
  kNever,
  // The origin or the way to it may get better: an attempt was spent.
  kLater,
  // It was not the origin's doing (memory short, not begun in time, cancelled).
  kUncounted,
};

struct TransferResult {
  // UNSPECIFIED: `body` is what the origin sent with status 200.
  v1::FetchFailure failure = v1::FETCH_FAILURE_UNSPECIFIED;
  // For a person, e.g. "HTTP 404". Empty without a failure.
  std::string message;
  Retry retry = Retry::kNever;
  // What the origin asked for (Retry-After); zero when it did not.
  absl::Duration retry_after;
  // Give these back with Release(body.size()) once they are gone.
  std::string body;
  absl::Duration elapsed;
};

struct TransferRequest {
  std::string url;
  // From its begin to its end, redirects included.
  absl::Duration timeout = absl::Seconds(30);
  // Not begun by then: ends with kUncounted.
  absl::Time start_by = absl::InfiniteFuture();
  // Called once, on the engine's thread: hand over, do not work.
  std::function<void(TransferResult)> done;
};

struct TransferOptions {
  int connections = 200;
  // Of one "scheme://host:port"; an origin on an address of the allow list has no such
  // limit.
  int connections_per_host = 16;
  std::int64_t max_body_bytes = 16 << 20;
  std::int64_t max_held_bytes = 256 << 20;
};

// Thread-safe.
class TransferEngine {
 public:
  // `filter` must outlive it. Starts its thread.
  TransferEngine(const AddressFilter& filter, TransferOptions options);
  // Stops.
  ~TransferEngine();
  // As CancelAll(), then joins; what is submitted later also ends as cancelled.
  void Stop();

  // Queues; order is kept within an origin.
  void Submit(std::vector<TransferRequest> requests);
  // Ends everything that is queued or running now with kUncounted.
  void CancelAll();
  // `bytes` of bodies are gone.
  void Release(std::int64_t bytes);

  // Submitted and not begun.
  std::int64_t queued() const;
  // Begun and not ended.
  std::int64_t running() const;
  std::int64_t held_bytes() const;
  // All bytes of bodies so far.
  std::int64_t received_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
