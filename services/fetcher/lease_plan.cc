#include "services/fetcher/lease_plan.h"

#include <algorithm>

namespace mannequin {
namespace {

// Between two looks for origins that are not known, or for more of one that had none.
constexpr absl::Duration kLookAgain = absl::Milliseconds(250);
// A quota that was used up sooner was too small; one that lasts longer is too large.
constexpr absl::Duration kQuotaLastsAtLeast = absl::Seconds(2);
constexpr absl::Duration kQuotaLastsAtMost = absl::Seconds(10);
constexpr int kWidensBy = 8;
constexpr std::size_t kMaxExcept = 10'000;
constexpr int kMaxLease = 10'000;

}  // namespace

std::optional<LeasePlan::Wish> LeasePlan::NextWish(absl::Time now, int wanted_at_once) {
  const std::int64_t room = options_.most - outstanding_;
  if (room <= 0) return std::nullopt;
  // An origin that answers late may still answer thousands at once. Not where many of them
  // would together fill what is for all.
  const int wide = outstanding_ < options_.most / 4 ? wanted_at_once : 0;
  bool hungry = false;
  // The least that one of the hungry lacks: what lacks more is asked for again at once.
  std::int64_t share = options_.most_of_origin;
  for (auto& [name, origin] : origins_) {
    origin.got = 0;
    const bool widens = origin.quota < wide && origin.finished > 0 && now >= origin.empty_until;
    origin.asks = widens || Hungry(origin, now);
    if (!origin.asks) continue;
    if (widens) {
      origin.quota = std::min({kWidensBy * origin.quota, wide, options_.most_of_origin});
    } else if (now - origin.quota_since < kQuotaLastsAtLeast) {
      origin.quota = std::min(origin.quota * 2, options_.most_of_origin);
    } else if (now - origin.quota_since > kQuotaLastsAtMost) {
      origin.quota = std::max(origin.quota / 2, options_.least);
    }
    origin.quota_since = now;
    origin.finished = 0;
    hungry = true;
    share = std::min<std::int64_t>(share, origin.quota - origin.outstanding);
  }
  const bool look = now >= look_again_;
  if (!hungry && !look) return std::nullopt;
  if (look) share = std::min<std::int64_t>(share, FirstQuota());
  Wish wish;
  wish.max_products = static_cast<int>(std::min<std::int64_t>(room, kMaxLease));
  wish.max_products_per_origin = static_cast<int>(std::clamp<std::int64_t>(share, 1, kMaxLease));
  for (const auto& [name, origin] : origins_) {
    if (!origin.asks && wish.except_origins.size() < kMaxExcept) wish.except_origins.push_back(name);
  }
  return wish;
}

// Less the more origins there are: as many as 100,000 that never answer together leave a
// tenth of the whole for one that does.
int LeasePlan::FirstQuota() const {
  const auto share = static_cast<int>(options_.most / (8 * (static_cast<std::int64_t>(origins_.size()) + 1)));
  return std::clamp(share, 1, options_.first);
}

void LeasePlan::Leased(const std::string& name, std::int64_t products, absl::Time now) {
  outstanding_ += products;
  const auto [found, is_new] = origins_.try_emplace(name);
  Origin& origin = found->second;
  if (is_new) {
    origin.quota = FirstQuota();
    origin.quota_since = now;
  }
  origin.outstanding += products;
  origin.got += products;
}

void LeasePlan::WishEnded(const Wish& wish, std::int64_t products, absl::Time now) {
  // A call walks over every origin: with many of them less often.
  const absl::Duration pause = kLookAgain + absl::Microseconds(100) * static_cast<double>(origins_.size());
  if (products >= wish.max_products) return;
  look_again_ = now + pause;
  // Every origin gave what it has, up to its share: one that gave less has no more.
  for (auto& [name, origin] : origins_) {
    if (origin.asks && origin.got < wish.max_products_per_origin) origin.empty_until = now + pause;
  }
  absl::erase_if(origins_, [](const auto& origin) { return origin.second.outstanding == 0; });
}

void LeasePlan::Finished(const std::string& name, absl::Time now) {
  --outstanding_;
  const auto found = origins_.find(name);
  if (found == origins_.end()) return;
  ++found->second.finished;
  // Nothing is to be remembered of an origin that has no work left.
  if (--found->second.outstanding == 0 && now < found->second.empty_until) origins_.erase(found);
}

}  // namespace mannequin
