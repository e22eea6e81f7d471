// Threads of one training that share its weights without locks (Hogwild, Niu et al. 2011,
// arXiv:1106.5730), and how its reports end it.
//
//   Hogwild hogwild;
//   return hogwild.Run(options.threads, texts, [&](int thread, int threads) {
//     for (std::int64_t i = thread; i < texts; i += threads) {
//       if (Hogwild::LooksUp(i) && hogwild.stopped()) return;
//       if (thread == 0 && Hogwild::LooksUp(i) && hogwild.ReportDue()) hogwild.Reported(progress(...));
//       Train(i);
//     }
//   });
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace mannequin {

class Hogwild {
 public:
  // Calls share(thread, threads) once in each of `asked` threads (0: one a core), this one being
  // thread 0; no more of them than `items`. The first error that was reported, when all returned.
  absl::Status Run(int asked, std::int64_t items, const std::function<void(int thread, int threads)>& share);

  // True for some of a loop's rounds, but not for the first: often enough that a training that
  // is cancelled ends within a second, however long its epochs are.
  static bool LooksUp(std::int64_t round) { return round % 64 == 63; }
  // When true, share() must return.
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  // Of thread 0 alone: true when nothing was reported for half a second.
  bool ReportDue() const { return Clock::now() - reported_ >= std::chrono::milliseconds(500); }
  // Of thread 0 alone: what a report was answered with. An error stops all threads.
  void Reported(const absl::Status& answer);

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point reported_ = Clock::now();
  std::atomic<bool> stop_{false};
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
