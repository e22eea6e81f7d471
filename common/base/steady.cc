#include "common/base/steady.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/clock.h"

namespace mannequin {
namespace {

using Steady = std::chrono::steady_clock;

// A wait that may have to be ended.
struct Waiting {
  absl::Mutex* mutex;
  const absl::Condition* condition;
  bool over = false;  // guarded by *mutex
};

bool IsOverOrTrue(Waiting* waiting) { return waiting->over || waiting->condition->Eval(); }

// Ends waits in the order of their times, on one thread for the whole process, which lives as long as it.
class Timers {
 public:
  static Timers& Get() {
    static Timers* const timers = new Timers;  // waits may outlast static destructors
    return *timers;
  }

  using Waits = std::multimap<Steady::time_point, Waiting*>;

  Waits::iterator Add(Steady::time_point end, Waiting& waiting) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto added = waits_.emplace(end, &waiting);
    if (end < wakes_at_) changed_.notify_one();
    return added;
  }

  // False when the wait is being ended just now: `over` follows.
  bool Remove(Waits::iterator wait, const Waiting& waiting) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ending_ == &waiting) return false;
    waits_.erase(wait);
    return true;
  }

 private:
  Timers() {
    std::thread([this] { Loop(); }).detach();
  }

  void Loop() {
    pthread_setname_np(pthread_self(), "steady-timers");
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (waits_.empty()) {
        wakes_at_ = Steady::time_point::max();
        changed_.wait(lock);
      } else if (const Steady::time_point next = waits_.begin()->first; Steady::now() < next) {
        // Of waits that are over long before their time, one in such a span costs a look, and not each.
        wakes_at_ = next;
        changed_.wait_until(lock, next);
      } else {
        Waiting& due = *waits_.begin()->second;
        waits_.erase(waits_.begin());
        ending_ = &due;
        // Whoever waits takes `mutex_` while it holds `due.mutex`; never the other way round.
        lock.unlock();
        End(due);
        lock.lock();
      }
    }
  }

  void End(Waiting& due) {
    absl::Mutex& mutex = *due.mutex;
    mutex.Lock();
    due.over = true;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ending_ = nullptr;
    }
    mutex.Unlock();  // `due` and, as soon as this lets go, `mutex` may be gone after it
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Waits waits_;
  // What the thread sleeps until; before it does, it looks itself.
  Steady::time_point wakes_at_ = Steady::time_point::min();
  const Waiting* ending_ = nullptr;
};

}  // namespace

absl::Time SteadyNow() {
  static const absl::Time wall = absl::Now();
  static const Steady::time_point begin = Steady::now();
  return wall + absl::FromChrono(Steady::now() - begin);
}

absl::Time WallNow() { return absl::FromChrono(std::chrono::system_clock::now()); }

absl::Time SteadyTimeOf(absl::Time wall) { return SteadyNow() + (wall - WallNow()); }

bool AwaitFor(absl::Mutex& mutex, const absl::Condition& condition, absl::Duration timeout) {
  if (condition.Eval()) return true;
  if (timeout <= absl::ZeroDuration()) return false;
  if (timeout > absl::Hours(24 * 365)) {
    mutex.Await(condition);
    return true;
  }
  Waiting waiting{&mutex, &condition};
  Timers& timers = Timers::Get();
  const auto wait = timers.Add(Steady::now() + absl::ToChronoNanoseconds(timeout), waiting);
  mutex.Await(absl::Condition(&IsOverOrTrue, &waiting));
  // One that is being ended is still in use by the timers' thread, which waits for `mutex`.
  if (!waiting.over && !timers.Remove(wait, waiting)) mutex.Await(absl::Condition(&waiting.over));
  return condition.Eval();
}

}  // namespace mannequin
