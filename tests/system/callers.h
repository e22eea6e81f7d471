// Callers who each ask again as soon as they are answered.
//
//   Callers callers(4, [&](const std::string& name) { return Ask(name); });
//   ... what is done to the service meanwhile ...
//   EXPECT_EQ(callers.End(), "");
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/steady.h"

namespace mannequin {

class Callers {
 public:
  // Makes one call and says what was wrong with its answer; "" for nothing. `name` is another one each time.
  using Call = std::function<std::string(const std::string& name)>;

  Callers(int count, Call call) : call_(std::move(call)) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, i] {
        for (int n = 0; !done_; ++n) {
          const std::string wrong = call_(absl::StrCat("caller", i, "-", n));
          ++answered_;
          if (wrong.empty()) continue;
          absl::MutexLock lock(&mutex_);
          ++failures_[wrong];
        }
      });
    }
  }
  ~Callers() { End(); }

  // What was wrong first by the alphabet, and how often; "" when every call was answered well.
  std::string End() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    absl::MutexLock lock(&mutex_);
    if (failures_.empty()) return "";
    return absl::StrCat(failures_.begin()->second, " of ", answered(), " calls: ", failures_.begin()->first);
  }
  int answered() const { return answered_; }
  // Until so many more calls have been answered; false when that takes a minute.
  bool AwaitMore(int calls) const {
    const int enough = answered_ + calls;
    for (const absl::Time end = SteadyNow() + absl::Minutes(1); answered_ < enough;) {
      if (SteadyNow() > end) return false;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return true;
  }

 private:
  const Call call_;
  std::atomic<bool> done_{false};
  std::atomic<int> answered_{0};
  absl::Mutex mutex_;
  std::map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace mannequin
