// Decides before any work whether a listing is taken: a bound on those in hand, and whether by
// the measured rate its answer would come before its deadline. What is refused costs next to
// nothing, so that many times more requests than can be answered leave the cores to those that
// are.
//
//   Admission admission({.max_listings = 256}, [&](int ahead) { return batcher.EstimatedWait(ahead); });
//   ASSIGN_OR_RETURN(const Admission::Ticket ticket, admission.Admit(deadline));
//   ... decode, judge ...
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace mannequin {

// Thread-safe.
class Admission {
 public:
  // How long a listing waits for its answer behind `ahead` others.
  using Wait = std::function<absl::Duration(int ahead)>;

  // A place; given back when it goes out of scope.
  class Ticket {
   public:
    explicit Ticket(Admission* of) : of_(of) {}
    Ticket(Ticket&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (of_ != nullptr) of_->Leave();
    }

   private:
    Admission* of_;
  };

  Admission(int max_listings, Wait wait, const Clock& clock = Clock::Real())
      : max_listings_(max_listings), wait_(std::move(wait)), clock_(clock) {}

  // RESOURCE_EXHAUSTED when `max_listings` are in hand or the answer would come after `deadline`,
  // with RetryAfter: when those in hand will be done. With none in hand all are taken, whatever
  // was measured.
  absl::StatusOr<Ticket> Admit(absl::Time deadline);
  // What Admit would say, without a place taken.
  absl::Status Check(absl::Time deadline) const;

  int in_hand() const {
    absl::MutexLock lock(&mutex_);
    return in_hand_;
  }

 private:
  absl::Status CheckBehind(int ahead, absl::Time deadline) const;
  void Leave() {
    absl::MutexLock lock(&mutex_);
    --in_hand_;
  }

  const int max_listings_;
  const Wait wait_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  int in_hand_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mannequin
