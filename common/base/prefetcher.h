// Makes numbered things ahead of their use, in order, on a thread of its own.
//
//   Prefetcher<Batch> batches([&](std::int64_t step) { return MakeBatch(step); }, first_step, 3);
//   Batch batch = batches.Next();   // of first_step, then the next, ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mannequin {

// Next() belongs to one thread.
template <typename Item>
class Prefetcher {
 public:
  // `make` is called on the other thread, for first, first + 1, ...; at most `ahead` wait.
  Prefetcher(std::function<Item(std::int64_t)> make, std::int64_t first, std::size_t ahead)
      : make_(std::move(make)), ahead_(ahead), thread_([this, first] { Loop(first); }) {}

  ~Prefetcher() {
    {
      absl::MutexLock lock(&mutex_);
      stop_ = true;
    }
    thread_.join();
  }

  Item Next() {
    const absl::Time begin = absl::Now();
    absl::MutexLock lock(&mutex_);
    const auto has_one = [this] { return !ready_.empty(); };
    mutex_.Await(absl::Condition(&has_one));
    wait_seconds_ += absl::ToDoubleSeconds(absl::Now() - begin);
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return item;
  }

  // Spent waiting in Next() so far.
  double wait_seconds() const { return wait_seconds_; }

 private:
  void Loop(std::int64_t next) {
    while (true) {
      Item item = make_(next++);
      absl::MutexLock lock(&mutex_);
      const auto has_room = [this] { return stop_ || ready_.size() < ahead_; };
      mutex_.Await(absl::Condition(&has_room));
      if (stop_) return;
      ready_.push_back(std::move(item));
    }
  }

  const std::function<Item(std::int64_t)> make_;
  const std::size_t ahead_;
  double wait_seconds_ = 0;
  absl::Mutex mutex_;
  std::deque<Item> ready_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace mannequin
