#include "services/store/record_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

constexpr int kDefaultConcurrentScans = 16;

}  // namespace

RecordStore::RecordStore(int max_concurrent_scans, const Clock& clock)
    : clock_(clock),
      max_concurrent_scans_(max_concurrent_scans == 0 ? kDefaultConcurrentScans : max_concurrent_scans) {}

absl::Status RecordStore::CheckScans(int max_concurrent_scans) {
  if (max_concurrent_scans >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("max_concurrent_scans: ", max_concurrent_scans, ", expected at least 1, or 0 for 16"));
}

absl::StatusOr<RecordStore::Slot> RecordStore::TakeSlot(std::atomic<int>& taken, int most, absl::string_view bound) {
  Slot slot(&taken, [](std::atomic<int>* of) { --*of; });
  if (++taken <= most) return slot;
  return absl::ResourceExhaustedError(absl::StrCat(bound, ": ", most, " are under way; try again when one has ended"));
}

absl::Time RecordStore::NextTime() {
  absl::MutexLock lock(&order_mutex_);
  last_time_ = std::max(clock_.Now(), last_time_ + absl::Nanoseconds(1));
  return last_time_;
}

void RecordStore::GoOnFrom(absl::Time last_time, const std::string& last_job_id) {
  absl::MutexLock lock(&order_mutex_);
  last_time_ = last_time;
  last_job_id_ = last_job_id;
}

}  // namespace mannequin
