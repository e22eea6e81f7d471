#include "common/text/hogwild.h"

#include <algorithm>
#include <thread>
#include <vector>

// GCC defines the one, clang has the other.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MANNEQUIN_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MANNEQUIN_THREAD_SANITIZER 1
#endif

namespace mannequin {
namespace {

constexpr std::int64_t kMaxThreads = 1024;

int Threads(int asked, std::int64_t items) {
#if defined(MANNEQUIN_THREAD_SANITIZER)
  (void)asked, (void)items;
  return 1;  // updates without locks are data races by design
#else
  const int threads = asked > 0 ? asked : static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(threads, 1, static_cast<int>(std::clamp<std::int64_t>(items, 1, kMaxThreads)));
#endif
}

}  // namespace

absl::Status Hogwild::Run(int asked, std::int64_t items, const std::function<void(int, int)>& share) {
  const int threads = Threads(asked, items);
  reported_ = Clock::now();
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back([&share, t, threads] { share(t, threads); });
  share(0, threads);
  for (std::thread& thread : others) thread.join();
  absl::MutexLock lock(&mutex_);
  return status_;
}

void Hogwild::Reported(const absl::Status& answer) {
  reported_ = Clock::now();
  if (answer.ok()) return;
  absl::MutexLock lock(&mutex_);
  status_.Update(answer);
  stop_.store(true, std::memory_order_relaxed);
}

}  // namespace mannequin
