#include "tests/origin/ledger.h"

#include <algorithm>

namespace mannequin {

void Ledger::Opened() {
  absl::MutexLock lock(&mutex_);
  ++counts_.connections;
  counts_.most_connections = std::max(counts_.most_connections, ++open_);
}

void Ledger::Closed() {
  absl::MutexLock lock(&mutex_);
  --open_;
}

std::int64_t Ledger::Asked(absl::string_view target) {
  absl::MutexLock lock(&mutex_);
  ++counts_.requests;
  counts_.most_requests = std::max(counts_.most_requests, ++running_);
  return ++targets_[target].requests;
}

void Ledger::AskedForRobots() {
  absl::MutexLock lock(&mutex_);
  ++counts_.robots;
  ++running_;
}

void Ledger::Dealt(absl::string_view target, Fault fault, bool used_connection) {
  absl::MutexLock lock(&mutex_);
  ++counts_.faults[static_cast<std::size_t>(fault)];
  if (fault == Fault::kReset && used_connection) ++counts_.resets_of_used;
  if (fault != Fault::kNone) ++targets_[target].faults;
}

void Ledger::Answered(int status, std::int64_t body_bytes) {
  absl::MutexLock lock(&mutex_);
  if (status != 0) ++counts_.statuses[status];
  counts_.bytes += body_bytes;
}

void Ledger::Ended() {
  absl::MutexLock lock(&mutex_);
  --running_;
}

OriginCounts Ledger::Counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

std::map<std::string, TargetCounts> Ledger::Targets() const {
  absl::MutexLock lock(&mutex_);
  return {targets_.begin(), targets_.end()};
}

}  // namespace mannequin
