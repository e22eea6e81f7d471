// Time of a bucket, so that a test owns it.
#pragma once

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace mannequin::store {

struct BucketTime {
  // Requests are signed with it. Outlives the bucket.
  const Clock* clock = &Clock::Real();
  // Between two tries. Thread-safe.
  std::function<void(absl::Duration)> pause = absl::SleepFor;
};

}  // namespace mannequin::store
