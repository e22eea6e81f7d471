#include "services/store/integrity_report.h"

#include "services/store/validate.h"

namespace mannequin::store {
namespace {

constexpr std::int64_t kListedFaults = 1000;
constexpr int kFaultsInMessage = 100;
constexpr std::int64_t kCallsBetweenMessages = 1024;

}  // namespace

absl::Status IntegrityReport::Begin(absl::string_view stage, std::int64_t total) {
  next_.set_stage(std::string(stage));
  next_.set_checked(0);
  next_.set_total(total);
  calls_ = 0;
  return Send();
}

absl::Status IntegrityReport::Advance(std::int64_t by) {
  next_.set_checked(next_.checked() + by);
  return ++calls_ % kCallsBetweenMessages == 0 ? Send() : absl::OkStatus();
}

absl::Status IntegrityReport::Fault(absl::string_view record, absl::string_view message, bool repaired) {
  if (repaired) ++repaired_;
  if (++found_ > kListedFaults) return absl::OkStatus();
  v1::IntegrityFault& fault = *next_.add_faults();
  // Damaged bytes may be in either.
  fault.set_record(CleanText(record, 512));
  fault.set_message(CleanText(message, 4096));
  fault.set_repaired(repaired);
  return next_.faults_size() >= kFaultsInMessage ? Send() : absl::OkStatus();
}

absl::Status IntegrityReport::Finish() {
  next_.set_done(true);
  next_.set_faults_found(found_);
  next_.set_faults_repaired(repaired_);
  return Send();
}

absl::Status IntegrityReport::Send() {
  const absl::Status status = visit_(next_);
  next_.clear_faults();
  return status;
}

}  // namespace mannequin::store
