// What a crawl has reached: counts, rates, and the words of its final report.
//
//   CrawlTally tally(before, begun);
//   tally.AddWritten(result);
//   v1::CrawlProgress progress = tally.Progress(pending, received_bytes, now);
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/fetcher/frequent_items.h"

namespace mannequin {

// Not thread-safe; time is an argument.
class CrawlTally {
 public:
  // `before`: what earlier workers of this crawl reached; counts go on from there.
  CrawlTally(v1::CrawlProgress before, absl::Time begun);

  // A request that failed and is tried again.
  void AddFailedAttempt(v1::FetchFailure reason) { ++failed_attempts_[reason]; }
  // A product that was given back, or waits again, without a request that failed.
  void AddUnfetched() { ++unfetched_; }
  // A result that the store has taken.
  void AddWritten(const v1::FetchResult& result);

  // Without the hosts' troubles. `received_bytes`: of this worker.
  v1::CrawlProgress Progress(std::int64_t pending, std::int64_t received_bytes, absl::Time now);
  // Stored or unchanged in this worker.
  std::int64_t succeeded() const { return stored_ + not_modified_; }
  std::int64_t finished() const { return finished_; }

 private:
  using Counts = std::map<v1::FetchFailure, std::int64_t>;
  struct Sample {
    absl::Time time;
    std::int64_t finished;
    std::int64_t bytes;
  };

  const v1::CrawlProgress before_;
  const absl::Time begun_;
  std::int64_t stored_ = 0;
  std::int64_t not_modified_ = 0;
  std::int64_t unfetched_ = 0;
  std::int64_t finished_ = 0;
  Counts failed_;
  Counts failed_attempts_;
  FrequentItems pictures_;
  // Of the last half minute.
  std::deque<Sample> samples_;
};

// What to say loudly about a crawl that has ended: empty while nine of ten pictures could
// be had, else the share, the commonest reasons and what to do about each.
std::string CrawlWarning(const v1::CrawlProgress& progress);

}  // namespace mannequin
