// How much of each origin a crawl holds leased: enough that a fast one never waits for
// the store, little of a slow one, so that neither memory nor the others' turn is its.
//
//   LeasePlan plan(options);
//   if (std::optional<LeasePlan::Wish> wish = plan.NextWish(now, wanted_at_once)) {
//     ... lease ...
//     for (...) plan.Leased(origin, products, now);
//     plan.WishEnded(*wish, products_of_all, now);
//   }
//   plan.Finished(origin, now);      // one product of it is done with
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace mannequin {

// Not thread-safe; time is an argument.
class LeasePlan {
 public:
  struct Options {
    // Of one origin at first; less when there are many.
    int first = 64;
    // Of one that was found to be slow.
    int least = 8;
    // Of one origin, and of all together.
    int most_of_origin = 20'000;
    int most = 100'000;
  };
  // What LeaseFetches is to be asked for.
  struct Wish {
    int max_products = 0;
    int max_products_per_origin = 0;
    std::vector<std::string> except_origins;
  };

  LeasePlan() = default;
  explicit LeasePlan(const Options& options) : options_(options) {}

  // Nothing while every origin has enough and it is too early to look for new ones.
  // `wanted_at_once`: what the connections that are not all in use could do with; an origin
  // that answers may have so many whatever it has used up. 0: all are in use.
  std::optional<Wish> NextWish(absl::Time now, int wanted_at_once);
  void Leased(const std::string& origin, std::int64_t products, absl::Time now);
  void WishEnded(const Wish& wish, std::int64_t products, absl::Time now);
  void Finished(const std::string& origin, absl::Time now);

  std::int64_t outstanding() const { return outstanding_; }

 private:
  struct Origin {
    std::int64_t outstanding = 0;
    // Of the last wish: whether more was wanted of it, and what came.
    bool asks = false;
    std::int64_t got = 0;
    int quota = 0;
    absl::Time quota_since;
    std::int64_t finished = 0;  // since then
    // The store had no more of it.
    absl::Time empty_until = absl::InfinitePast();
  };
  int FirstQuota() const;
  bool Hungry(const Origin& origin, absl::Time now) const {
    return origin.outstanding < (origin.quota + 1) / 2 && now >= origin.empty_until;
  }

  const Options options_;
  absl::flat_hash_map<std::string, Origin> origins_;
  std::int64_t outstanding_ = 0;
  // When the store is asked for origins that are not known.
  absl::Time look_again_ = absl::InfinitePast();
};

}  // namespace mannequin
