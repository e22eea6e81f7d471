#include "services/scorer/admission.h"

#include "absl/strings/str_cat.h"
#include "common/base/retry_after.h"
#include "common/base/status_macros.h"
#include "services/scorer/metrics.h"

namespace mannequin {
namespace {

// The wait is an average, and half of the answers come later: a deadline must leave room for that.
constexpr double kMargin = 1.5;

absl::Status Refused(const char* why, absl::Status status, absl::Duration wait) {
  scorer_metrics::CountRefused(why);
  return WithRetryAfter(std::move(status), wait);
}

}  // namespace

absl::Status Admission::CheckBehind(int ahead, absl::Time deadline) const {
  if (ahead == 0) return absl::OkStatus();
  const absl::Duration wait = wait_(ahead);
  if (ahead >= max_listings_) {
    return Refused("queue",
                   absl::ResourceExhaustedError(absl::StrCat(
                       max_listings_, " listings are in hand already (max_queue); try again later or add a replica")),
                   wait);
  }
  if (clock_.Steady() + kMargin * wait > deadline) {
    return Refused("deadline",
                   absl::ResourceExhaustedError(absl::StrCat(
                       ahead, " listings are in hand, which take about ",
                       absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(1))),
                       ": the answer would come past the deadline; try again later, allow more time or add a replica")),
                   wait);
  }
  return absl::OkStatus();
}

absl::Status Admission::Check(absl::Time deadline) const { return CheckBehind(in_hand(), deadline); }

absl::StatusOr<Admission::Ticket> Admission::Admit(absl::Time deadline) {
  int ahead = 0;
  {
    absl::MutexLock lock(&mutex_);
    ahead = in_hand_++;
  }
  Ticket ticket(this);
  RETURN_IF_ERROR(CheckBehind(ahead, deadline));
  return ticket;
}

}  // namespace mannequin
