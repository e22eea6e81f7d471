#include "services/trainer/feature_classifier.h"

#include "common/nn/device.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// A square or a frame, in red or blue, at a place of its own.
Pixels Shape(bool frame, bool blue, std::size_t number) {
  Pixels pixels{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 255)};
  const int left = 4 + static_cast<int>(number * 7 % 17), top = 4 + static_cast<int>(number * 11 % 19);
  for (int y = 0; y < 36; ++y) {
    for (int x = 0; x < 36; ++x) {
      if (frame && x > 7 && x < 28 && y > 7 && y < 28) continue;
      std::uint8_t* rgb = pixels.rgb.data() + ((top + y) * 64 + left + x) * 3;
      rgb[blue ? 0 : 2] = 20;
      rgb[1] = 20;
    }
  }
  return pixels;
}

LabelledImages Shapes(std::size_t count) {
  LabelledImages images;
  images.image = [](std::size_t i) { return Shape(i % 2 == 1, i / 2 % 2 == 1, i); };
  for (std::size_t i = 0; i < count; ++i) {
    images.categories.push_back(static_cast<int>(i % 2));
    images.colors.push_back(i % 10 == 0 ? -1 : static_cast<int>(i / 2 % 2));
  }
  images.category_count = images.color_count = 2;
  return images;
}

bool Never() { return false; }

TEST(FeatureClassifier, TellsShapesAndColoursThatItDidNotSee) {
  SetCpuThreads(1);
  const auto classifier = FeatureClassifier::Train(Shapes(64), {3, "cpu", 40}, Never);
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  std::vector<Pixels> unseen;
  for (std::size_t i = 0; i < 40; ++i) unseen.push_back(Shape(i % 2 == 1, i / 2 % 2 == 1, 1000 + i));
  const SeenImages seen = (*classifier)->See(unseen);
  ASSERT_EQ(seen.features.rows, 40u);
  ASSERT_EQ(seen.features.values.size(), 40 * FeatureClassifier::kFeatures);
  int categories = 0, colors = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    categories += seen.categories[i] == static_cast<int>(i % 2) ? 1 : 0;
    colors += seen.colors[i] == static_cast<int>(i / 2 % 2) ? 1 : 0;
  }
  EXPECT_GE(categories, 36);
  EXPECT_GE(colors, 36);
}

TEST(FeatureClassifier, IsTheSameForTheSameSeed) {
  SetCpuThreads(1);
  const auto train = [](std::uint64_t seed) {
    return (*FeatureClassifier::Train(Shapes(16), {seed, "cpu", 3}, Never))->digest();
  };
  const std::string digest = train(3);
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(train(3), digest);
  EXPECT_NE(train(4), digest);
}

TEST(FeatureClassifier, GivesACopyTheFeaturesOfTheOriginalWhateverItsBatch) {
  SetCpuThreads(1);
  const auto classifier = *FeatureClassifier::Train(Shapes(16), {3, "cpu", 3}, Never);
  std::vector<Pixels> many;
  for (std::size_t i = 0; i < 70; ++i) many.push_back(Shape(false, true, i));
  const SeenImages all = classifier->See(many), one = classifier->See({many[69]});
  for (std::size_t i = 0; i < FeatureClassifier::kFeatures; ++i) {
    EXPECT_NEAR(one.features.values[i], all.features.values[69 * FeatureClassifier::kFeatures + i], 1e-4);
  }
}

TEST(FeatureClassifier, RefusesNoImagesAndLabelsOutOfRangeAndHearsAStop) {
  EXPECT_TRUE(absl::IsInvalidArgument(FeatureClassifier::Train({}, {0, "cpu", 1}, Never).status()));
  LabelledImages images = Shapes(8);
  images.categories[3] = 2;
  EXPECT_TRUE(absl::IsInvalidArgument(FeatureClassifier::Train(images, {0, "cpu", 1}, Never).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FeatureClassifier::Train(Shapes(8), {0, "tpu", 1}, Never).status()));
  EXPECT_TRUE(absl::IsCancelled(FeatureClassifier::Train(Shapes(8), {0, "cpu", 1}, [] { return true; }).status()));
}

TEST(FeatureClassifier, LearnsWithoutAnyColour) {
  SetCpuThreads(1);
  LabelledImages images = Shapes(8);
  images.color_count = 0;
  images.colors.assign(8, -1);
  const auto classifier = FeatureClassifier::Train(images, {0, "cpu", 2}, Never);
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  EXPECT_EQ((*classifier)->See({Shape(true, true, 1)}).colors[0], -1);
}

}  // namespace
}  // namespace mannequin
