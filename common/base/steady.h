// Time that nobody sets, and waits that end by it. The wall clock of a machine is stepped: by NTP after a boot, by
// hand, by a virtual machine that is resumed. Leases, back-offs, pauses and "so long ago" are measured here; what is
// recorded for people and other machines stays absl::Now().
//
//   const absl::Time give_up = SteadyNow() + patience;
//   if (AwaitFor(mutex_, absl::Condition(&stop_), pause)) return;
//
// absl::Mutex::AwaitWithTimeout and Notification::WaitForNotificationWithTimeout of the Abseil we build with wait until
// a time of the wall clock: one of 250 ms that is under way when the clock is set back an hour takes an hour longer.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mannequin {

// The wall clock when this process asked first, and what the monotonic clock has counted since. Comparable within the
// process alone. Thread-safe.
absl::Time SteadyNow();

// The wall clock as the system has it. absl::Now() of the Abseil we build with is drawn on by the processor's counter,
// and knows up to two seconds later that the clock was set: a deadline made from it and given to gRPC, which asks the
// system, would be off by the step. Thread-safe.
absl::Time WallNow();

// When it will be `wall` by the wall clock, should nobody set that: what a deadline is that comes as a wall-clock time,
// as gRPC's do. Thread-safe.
absl::Time SteadyTimeOf(absl::Time wall);

// absl::Mutex::AwaitWithTimeout on the monotonic clock: unlocks `mutex`, which this thread holds, until `condition` is
// true or `timeout` has passed, and holds it again. Whether `condition` is true.
bool AwaitFor(absl::Mutex& mutex, const absl::Condition& condition, absl::Duration timeout)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

// An absl::Notification whose wait with a timeout is on the monotonic clock. Thread-safe.
class SteadyNotification {
 public:
  void Notify() {
    absl::MutexLock lock(&mutex_);
    notified_ = true;
  }
  bool HasBeenNotified() const {
    absl::MutexLock lock(&mutex_);
    return notified_;
  }
  void Wait() const {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&notified_));
  }
  bool WaitFor(absl::Duration timeout) const {
    absl::MutexLock lock(&mutex_);
    return AwaitFor(mutex_, absl::Condition(&notified_), timeout);
  }

 private:
  mutable absl::Mutex mutex_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mannequin
