#include "services/fetcher/lease_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LeasePlanTest : public testing::Test {
 protected:
  // A store with `products` of each origin, that answers the wish of the plan.
  void Lease() {
    const std::optional<LeasePlan::Wish> wish = plan_.NextWish(now_, wanted_at_once_);
    if (!wish) return;
    ++calls_;
    std::int64_t all = 0;
    for (auto& [origin, left] : left_) {
      const bool excepted =
          std::find(wish->except_origins.begin(), wish->except_origins.end(), origin) != wish->except_origins.end();
      if (excepted || all >= wish->max_products) continue;
      const std::int64_t products =
          std::min<std::int64_t>({left, wish->max_products_per_origin, wish->max_products - all});
      if (products == 0) continue;
      left -= products;
      held_[origin] += products;
      all += products;
      plan_.Leased(origin, products, now_);
    }
    plan_.WishEnded(*wish, all, now_);
  }
  void Finish(const std::string& origin, std::int64_t products) {
    products = std::min(products, held_[origin]);
    held_[origin] -= products;
    finished_[origin] += products;
    for (; products > 0; --products) plan_.Finished(origin, now_);
  }

  LeasePlan plan_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::map<std::string, std::int64_t> left_, held_, finished_;
  int calls_ = 0;
  int wanted_at_once_ = 0;
};

TEST_F(LeasePlanTest, AFastOriginNeverWaitsForTheStore) {
  left_["fast"] = 1'000'000;
  for (int tick = 0; tick < 500; ++tick) {  // 5 s in ticks of 10 ms
    Lease();
    Finish("fast", 100);  // 10,000/s
    now_ += absl::Milliseconds(10);
  }
  EXPECT_GT(finished_["fast"], 46'000) << "of 50,000 that it could";
  EXPECT_LE(plan_.outstanding(), 20'000);
}

TEST_F(LeasePlanTest, SlowOriginsHoldLittleAndAFastOneIsNotHeldUpByThem) {
  for (int i = 0; i < 2000; ++i) left_[absl::StrCat("slow", i)] = 10'000;
  left_["the good one"] = 100'000;
  for (int tick = 0; tick < 1500; ++tick) {
    Lease();
    Finish("the good one", 10);
    now_ += absl::Milliseconds(10);
  }
  EXPECT_GT(finished_["the good one"], 14'000) << "of 15,000";
  for (const auto& [origin, held] : held_) {
    if (origin == "the good one") continue;
    EXPECT_LT(held, 2 * 64) << origin << ": a share on top of a part of one at most";
  }
}

TEST_F(LeasePlanTest, ASlowOriginsShareShrinks) {
  left_["slow"] = 10'000;
  std::int64_t most_later = 0;
  for (int tick = 0; tick < 30'000; ++tick) {  // 5 min, 1 product/s
    Lease();
    if (tick % 100 == 0) Finish("slow", 1);
    now_ += absl::Milliseconds(10);
    if (tick > 15'000) most_later = std::max(most_later, held_["slow"]);
  }
  EXPECT_LE(most_later, 20);
}

TEST_F(LeasePlanTest, AnOriginThatAnswersLateMayHaveAllConnections) {
  left_["late"] = 100'000;
  constexpr int kConnections = 5000;
  std::map<int, std::int64_t> ends;  // each 3 s after its begin
  std::int64_t running = 0;
  for (int tick = 0; tick < 3000; ++tick, now_ += absl::Milliseconds(10)) {
    wanted_at_once_ = running < kConnections ? 2 * kConnections : 0;
    Lease();
    const std::int64_t begun = std::min<std::int64_t>(kConnections, held_["late"]) - running;
    running += begun;
    ends[tick + 300] += begun;
    running -= ends[tick];
    Finish("late", ends[tick]);
  }
  EXPECT_GT(finished_["late"], 25'000) << "of 50,000 at most; with 64 at once it would be 640";
}

TEST_F(LeasePlanTest, OriginsThatComeLaterAreFound) {
  left_["first"] = 10'000;
  for (int tick = 0; tick < 100; ++tick, now_ += absl::Milliseconds(10)) Lease();
  left_["second"] = 10;
  for (int tick = 0; tick < 30; ++tick, now_ += absl::Milliseconds(10)) Lease();
  EXPECT_EQ(held_["second"], 10);
}

TEST_F(LeasePlanTest, AnEmptyStoreIsAskedNowAndThen) {
  for (int tick = 0; tick < 1000; ++tick, now_ += absl::Milliseconds(10)) Lease();
  EXPECT_GE(calls_, 35);
  EXPECT_LE(calls_, 45);
}

TEST_F(LeasePlanTest, WhenAllIsDoneNothingIsExcepted) {
  left_["a"] = 5;
  left_["b"] = 300;
  for (int tick = 0; tick < 400; ++tick, now_ += absl::Milliseconds(10)) {
    Lease();
    Finish("a", 1);
    Finish("b", 3);
  }
  EXPECT_EQ(plan_.outstanding(), 0);
  now_ += absl::Seconds(1);
  EXPECT_THAT(plan_.NextWish(now_, wanted_at_once_)->except_origins, IsEmpty());
}

TEST_F(LeasePlanTest, MemoryHasABoundAndEveryOriginGetsSomething) {
  for (int i = 0; i < 8000; ++i) left_[absl::StrCat(i)] = 1000;
  for (int tick = 0; tick < 2000; ++tick, now_ += absl::Milliseconds(10)) Lease();
  EXPECT_LE(plan_.outstanding(), 100'000);
  EXPECT_EQ(held_.size(), 8000u);
}

}  // namespace
}  // namespace mannequin
