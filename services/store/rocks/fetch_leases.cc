#include "services/store/rocks/fetch_leases.h"

namespace mannequin::store {

void FetchLeases::Expire(absl::Time now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    Release(std::string(by_expiry_.begin()->second));
  }
}

void FetchLeases::Take(const std::string& id, const std::string& worker, absl::Time expires) {
  leases_[id] = Lease{worker, expires};
  by_expiry_.emplace(expires, id);
  ++by_worker_[worker];
}

void FetchLeases::Release(const std::string& id) {
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) return;
  by_expiry_.erase({lease->second.expires, id});
  const auto count = by_worker_.find(lease->second.worker);
  if (--count->second == 0) by_worker_.erase(count);
  leases_.erase(lease);
}

void FetchLeases::ReleaseIfHeldBy(const std::string& id, const std::string& worker) {
  const auto lease = leases_.find(id);
  if (lease != leases_.end() && lease->second.worker == worker) Release(id);
}

std::int64_t FetchLeases::HeldByOthers(const std::string& worker) const {
  const auto own = by_worker_.find(worker);
  return static_cast<std::int64_t>(leases_.size()) - (own == by_worker_.end() ? 0 : own->second);
}

}  // namespace mannequin::store
