// Writes results of fetches to the store in batches, on a thread of its own: one synced
// write for hundreds of pictures.
//
//   ResultWriter writer(store, {.worker = "fetcher@host:1"}, on_written);
//   writer.Add(std::move(result));
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"

namespace mannequin {

struct ResultWriterOptions {
  std::string worker;
  // A batch is written when it has so many results or bytes, or when its first result
  // has waited so long.
  int max_results = 500;
  std::int64_t max_bytes = 16 << 20;
  absl::Duration max_wait = absl::Milliseconds(100);
  // How long a store that does not answer is tried again.
  absl::Duration patience = absl::Seconds(60);
};

// Thread-safe.
class ResultWriter {
 public:
  // Called on the writer's thread after each batch that is durable.
  using Written = std::function<void(const v1::CompleteFetchesRequest&, const v1::CompleteFetchesResponse&)>;

  ResultWriter(ProductStore& store, ResultWriterOptions options, Written written);
  ~ResultWriter();

  // Dropped once status() is not OK.
  void Add(v1::FetchResult result);
  // Writes what was added, then joins. Does not wait out `patience`.
  void Stop();

  // Why nothing is written any more: the store's answer. OK while all is well.
  absl::Status status() const;

 private:
  void Loop();
  bool BatchIsDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::CompleteFetchesRequest TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Also tells `written_`. One result that the store does not take is no reason to lose the
  // others: it is recorded as failed.
  absl::Status Write(v1::CompleteFetchesRequest request);
  absl::Status WriteParts(v1::CompleteFetchesRequest request, const absl::Status& refusal);

  ProductStore& store_;
  const ResultWriterOptions options_;
  const Written written_;

  mutable absl::Mutex mutex_;
  std::deque<v1::FetchResult> queue_ ABSL_GUARDED_BY(mutex_);
  std::int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time first_added_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mannequin
