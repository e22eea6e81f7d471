// Who fetches which product just now. In memory only: a store that starts again has
// forgotten its leases, and that is right. A fetch is idempotent (the same URL gives
// the same picture, and a result is taken only while its product waits for it), so a
// forgotten lease costs at most one GET more, while a kept one would cost a synced
// write a lease and would hold up work whose worker died with the store.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/time/time.h"

namespace mannequin::store {

// Not thread-safe.
class FetchLeases {
 public:
  // Drops the leases that end at or before `now`.
  void Expire(absl::Time now);
  bool Held(const std::string& id) const { return leases_.count(id) > 0; }
  // `id` must not be held.
  void Take(const std::string& id, const std::string& worker, absl::Time expires);
  // Whoever holds it; nothing when nobody does.
  void Release(const std::string& id);
  // Only when `worker` holds it.
  void ReleaseIfHeldBy(const std::string& id, const std::string& worker);
  std::int64_t HeldByOthers(const std::string& worker) const;

 private:
  struct Lease {
    std::string worker;
    absl::Time expires;
  };
  std::unordered_map<std::string, Lease> leases_;
  std::set<std::pair<absl::Time, std::string>> by_expiry_;
  std::map<std::string, std::int64_t> by_worker_;
};

}  // namespace mannequin::store
