#include "services/trainer/learning_rate.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(RateFactor, IsOneWithoutASchedule) {
  EXPECT_EQ(RateFactor({v1::LEARNING_RATE_SCHEDULE_UNSPECIFIED, 100, 0}, 0), 1);
  EXPECT_EQ(RateFactor({v1::LEARNING_RATE_SCHEDULE_CONSTANT, 100, 0}, 99), 1);
}

TEST(RateFactor, ACosineFallsToATenthAndStaysThere) {
  const RateSchedule cosine{v1::LEARNING_RATE_SCHEDULE_COSINE, 100, 0};
  EXPECT_EQ(RateFactor(cosine, 0), 1);
  EXPECT_NEAR(RateFactor(cosine, 50), 0.55, 1e-9);
  EXPECT_NEAR(RateFactor(cosine, 100), 0.1, 1e-9);
  EXPECT_NEAR(RateFactor(cosine, 150), 0.1, 1e-9);
}

TEST(RateFactor, ComesBackFromATenthWhereTheResolutionDoubles) {
  const RateSchedule growing{v1::LEARNING_RATE_SCHEDULE_CONSTANT, 1000, 300};
  EXPECT_EQ(RateFactor(growing, 299), 1);
  EXPECT_NEAR(RateFactor(growing, 300), 0.1, 1e-9);
  EXPECT_NEAR(RateFactor(growing, 300 + kGrowthRamp / 2), 0.55, 1e-9);
  EXPECT_EQ(RateFactor(growing, 300 + kGrowthRamp), 1);
}

}  // namespace
}  // namespace mannequin
