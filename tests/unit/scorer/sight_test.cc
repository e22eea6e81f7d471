#include "services/scorer/sight.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

v1::GanInfo Gan() {
  v1::GanInfo gan;
  for (const char* category : {"Shirts", "Watches", "Boots"}) gan.add_categories(category);
  for (const char* color : {"blue", "black"}) gan.mutable_judge()->add_colors(color);
  return gan;
}

Judgement Saw(std::vector<float> category, std::vector<float> color) {
  Judgement judgement;
  judgement.image_category = std::move(category);
  judgement.image_color = std::move(color);
  return judgement;
}

TEST(Sight, NamesTheLikeliestCategoryAndColourWithTheirProbabilities) {
  const v1::Sight sight = SightOf(Gan(), Saw({1, 4, 2}, {5, 3}));
  EXPECT_EQ(sight.category(), "Watches");
  EXPECT_NEAR(sight.category_probability(), 1 / (1 + std::exp(-3) + std::exp(-2)), 1e-9);
  EXPECT_EQ(sight.color(), "blue");
  EXPECT_NEAR(sight.color_probability(), 1 / (1 + std::exp(-2)), 1e-9);
}

TEST(Sight, LogitsOfAnySizeGiveAProbability) {
  const v1::Sight sight = SightOf(Gan(), Saw({-3000, 3000, -3000}, {-900, -900}));
  EXPECT_EQ(sight.category(), "Watches");
  EXPECT_EQ(sight.category_probability(), 1);
  EXPECT_EQ(sight.color(), "blue");
  EXPECT_EQ(sight.color_probability(), 0.5);
}

TEST(Sight, ThereIsNoneWithoutAJudgeAndNoColourWhereNoneIsTold) {
  v1::GanInfo plain = Gan();
  plain.clear_judge();
  EXPECT_EQ(SightOf(plain, Saw({1, 4, 2}, {})).ByteSizeLong(), 0U);
  v1::GanInfo colorless = Gan();
  colorless.mutable_judge()->clear_colors();
  const v1::Sight sight = SightOf(colorless, Saw({1, 4, 2}, {}));
  EXPECT_EQ(sight.category(), "Watches");
  EXPECT_EQ(sight.color(), "");
  EXPECT_EQ(sight.color_probability(), 0);
}

TEST(Sight, NamesNothingThatTheLogitsDoNotFit) { EXPECT_EQ(SightOf(Gan(), Saw({1, 4}, {1, 2, 3})).ByteSizeLong(), 0U); }

TEST(PictureVector, IsASignedByteOf127thsForEachComponent) {
  EXPECT_EQ(PictureVector({0, 1, -1, 0.5F, -0.004F, 0.003F}), std::string({0, 127, -127, 64, -1, 0}));
  EXPECT_EQ(PictureVector({}), "");
}

}  // namespace
}  // namespace mannequin
