#include "common/base/roc.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(AreaUnderRoc, CountsPairsInOrderAndTiesHalf) {
  EXPECT_EQ(AreaUnderRoc({0, 1}, {2, 3}), 1);
  EXPECT_EQ(AreaUnderRoc({2, 3}, {0, 1}), 0);
  EXPECT_EQ(AreaUnderRoc({1, 1}, {1, 1}), 0.5);
  EXPECT_EQ(AreaUnderRoc({0, 2}, {1}), 0.5);
  EXPECT_FALSE(AreaUnderRocIfAny({}, {1}).has_value());
  EXPECT_FALSE(AreaUnderRocIfAny({1}, {}).has_value());
}

TEST(AveragePrecision, IsTheMeanPrecisionAtEachAbusiveOne) {
  EXPECT_DOUBLE_EQ(AveragePrecision({0, 1}, {2, 3}), 1);
  EXPECT_DOUBLE_EQ(AveragePrecision({2}, {3, 1}), (1.0 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(AveragePrecision({1}, {1}), 0.5) << "a tie is not won";
}

TEST(ShareFound, CountsAbuseAboveWhatSoManyOfTheCleanReach) {
  const std::vector<double> clean = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(ShareFound(clean, {9.5, 8.5, 7.5, 0}, 0), 0.25);
  EXPECT_EQ(ShareFound(clean, {9.5, 8.5, 7.5, 0}, 0.1), 0.5);
  EXPECT_EQ(ShareFound(clean, {0}, 1), 1);
}

TEST(FalseAlarms, CountsTheCleanThatReachTheThresholdOfSoMuchAbuse) {
  const std::vector<double> abuse = {10, 9, 8, 1};
  EXPECT_EQ(FalseAlarms({0, 2, 8, 20}, abuse, 0.75), 0.5);
  EXPECT_EQ(FalseAlarms({0, 2, 8, 20}, abuse, 1), 0.75);
}

}  // namespace
}  // namespace mannequin
