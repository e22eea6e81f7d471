// How many calls a second each caller gets: a token bucket a name, full of a second's worth at
// the first call.
//
//   CallQuota quota;
//   RETURN_IF_ERROR(quota.Take("shop", 5, clock.Steady()));
#pragma once

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/retry_after.h"

namespace mannequin::rpc {

// Thread-safe. Keeps a bucket for each name that ever called: names come from the tokens' file.
class CallQuota {
 public:
  // Takes one call of `caller`. RESOURCE_EXHAUSTED with RetryAfter when there is none left; takes
  // nothing then. `per_second` > 0; below 1 one call may come at once.
  absl::Status Take(absl::string_view caller, double per_second, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    Bucket& bucket = Filled(caller, per_second, now);
    if (bucket.calls >= 1) {
      bucket.calls -= 1;
      return absl::OkStatus();
    }
    return WithRetryAfter(absl::ResourceExhaustedError(absl::StrCat("calls_per_second: ", caller, " has used its ",
                                                                    per_second, " calls a second of this server")),
                          absl::Ceil(absl::Seconds((1 - bucket.calls) / per_second), absl::Milliseconds(1)));
  }

  // Takes one call of `caller` in any case, and says how long to wait until it is due. Whoever takes
  // next waits for this one, too.
  absl::Duration Reserve(absl::string_view caller, double per_second, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    Bucket& bucket = Filled(caller, per_second, now);
    bucket.calls -= 1;
    return bucket.calls >= 0 ? absl::ZeroDuration() : absl::Seconds(-bucket.calls / per_second);
  }

 private:
  struct Bucket {
    double calls;  // below 0 by what was reserved and is not due yet
    absl::Time at;
  };

  Bucket& Filled(absl::string_view caller, double per_second, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const double most = std::max(1.0, per_second);
    Bucket& bucket = buckets_.try_emplace(caller, Bucket{most, now}).first->second;
    // Of two threads the one that looked at the clock first may come second.
    const double passed = std::max(0.0, absl::ToDoubleSeconds(now - bucket.at));
    bucket.calls = std::min(most, bucket.calls + passed * per_second);
    bucket.at = now;
    return bucket;
  }

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::rpc
