#include "common/base/pass_times.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(PassTimes, SaysNothingBeforeTheFirstPass) { EXPECT_EQ(PassTimes().Seconds(8), 0); }

TEST(PassTimes, FindsWhatAPassCostsByItselfAndWhatEachInputAdds) {
  PassTimes times;
  for (const double cost : {1, 32, 4, 16, 1, 8}) times.Observe(cost, 0.003 + 0.001 * cost);
  EXPECT_NEAR(times.Seconds(1), 0.004, 1e-9);
  EXPECT_NEAR(times.Seconds(100), 0.103, 1e-9);
}

TEST(PassTimes, TakesPassesOfOneCostAsSoMuchAnInput) {
  PassTimes times;
  for (int i = 0; i < 5; ++i) times.Observe(4, 0.008);
  EXPECT_NEAR(times.Seconds(4), 0.008, 1e-9);
  EXPECT_NEAR(times.Seconds(16), 0.032, 1e-9);
}

TEST(PassTimes, NeverSaysThatMoreWorkIsSooner) {
  PassTimes times;
  times.Observe(1, 1);  // something held the machine up
  times.Observe(32, 0.03);
  EXPECT_GE(times.Seconds(64), times.Seconds(1));
  EXPECT_GE(times.Seconds(1), 0);
}

TEST(PassTimes, ForgetsWhatWasLongAgo) {
  PassTimes times;
  times.Observe(1, 10);
  for (int i = 0; i < 200; ++i) times.Observe(1, 0.01);
  EXPECT_NEAR(times.Seconds(1), 0.01, 1e-3);
}

}  // namespace
}  // namespace mannequin
