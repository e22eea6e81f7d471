// Time as an argument, so that a test owns it.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mannequin {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // The same, but nobody sets it: for leases and the like, within one process (steady.h).
  virtual absl::Time Steady() const = 0;
  // The machine's clock; lives as long as the process.
  static const Clock& Real();
};

// Stands still until told otherwise. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time now) : now_(now), steady_(now) {}
  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }
  absl::Time Steady() const override {
    absl::MutexLock lock(&mutex_);
    return steady_;
  }
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mutex_);
    now_ += by;
    steady_ += by;
  }
  // As when somebody sets the clock, forward or back.
  void Set(absl::Time now) {
    absl::MutexLock lock(&mutex_);
    now_ = now;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Time steady_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
