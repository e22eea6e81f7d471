#include "common/text/rows.h"

#include <limits>

#include "common/text/unit_length.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::ElementsAre;

TEST(Rows, ComeBackFlatWithoutTheirPadding) {
  const std::vector<float> flat = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_EQ(Rows(flat, 2, 3, 2).Flat(), flat);
  EXPECT_EQ(Rows(flat, 4, 3, 1).Flat(), flat);
}

TEST(Rows, AreFiniteUnlessOneWeightIsNot) {
  Rows rows(3, 5);
  EXPECT_TRUE(rows.AreFinite());
  EXPECT_TRUE(Rows().AreFinite());
  for (const float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    rows[2][4] = value;
    EXPECT_FALSE(rows.AreFinite()) << value;
  }
}

TEST(UnitLength, KeepsTheDirection) {
  std::vector<float> values = {3, 0, -4};
  EXPECT_TRUE(MakeUnitLength(absl::MakeSpan(values)));
  EXPECT_THAT(values, ElementsAre(0.6f, 0, -0.8f));
}

TEST(UnitLength, ALengthNextToNothingHasNoDirection) {
  std::vector<float> values = {1e-8f, 0};
  EXPECT_FALSE(MakeUnitLength(absl::MakeSpan(values)));
  EXPECT_THAT(values, ElementsAre(1e-8f, 0));
  EXPECT_FALSE(MakeUnitLength({}));
}

TEST(UnitLength, WhatIsNotFiniteHasNoDirection) {
  for (const float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values = {1, value};
    EXPECT_FALSE(MakeUnitLength(absl::MakeSpan(values))) << value;
  }
}

}  // namespace
}  // namespace mannequin
