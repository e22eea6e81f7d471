#include "services/trainer/quality.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

FeatureMatrix Cloud(std::size_t rows, double centre, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(static_cast<float>(centre), 1);
  FeatureMatrix cloud{rows, 3, {}};
  for (std::size_t i = 0; i < rows * 3; ++i) cloud.values.push_back(normal(random));
  return cloud;
}

Pixels Noise(int side, unsigned seed) {
  std::mt19937 random(seed);
  Pixels pixels{side, side, {}};
  for (int i = 0; i < side * side * 3; ++i) pixels.rgb.push_back(static_cast<std::uint8_t>(random()));
  return pixels;
}

// Diagonal stripes, brighter by `add`.
Pixels Stripes(int side, int add) {
  Pixels pixels{side, side, {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const auto grey = static_cast<std::uint8_t>(100 + 60 * ((x + y) / 6 % 2) + add);
      pixels.rgb.insert(pixels.rgb.end(), {grey, grey, grey});
    }
  }
  return pixels;
}

TEST(FrechetDistance, OfGaussiansWithKnownMomentsIsTheFormulas) {
  // Diagonal covariances: sum of (sqrt(a) - sqrt(b))^2.
  const Moments a{1000, {0, 0}, {4, 0, 0, 9}};
  const Moments b{1000, {3, 4}, {1, 0, 0, 1}};
  EXPECT_NEAR(*FrechetDistance(a, b), 25 + 1 + 4, 1e-9);
  EXPECT_NEAR(*FrechetDistance(b, a), 25 + 1 + 4, 1e-9);
  EXPECT_NEAR(*FrechetDistance(a, a), 0, 1e-9);
  // They do not commute: by the closed form tr(sqrt(M)) = sqrt(tr M + 2 sqrt(det M)) of 2x2.
  const Moments c{1000, {0, 0}, {2, 1, 1, 2}};
  const double root = std::sqrt(4 * 2 + 9 * 2 + 2 * std::sqrt(36.0 * 3));
  EXPECT_NEAR(*FrechetDistance(a, c), 13 + 4 - 2 * root, 1e-9);
}

TEST(FrechetDistance, OfSamplesIsNearThatOfTheirDistributions) {
  EXPECT_NEAR(*FrechetDistance(MomentsOf(Cloud(20'000, 0, 1)), MomentsOf(Cloud(20'000, 2, 2))), 12, 0.2);
  EXPECT_LT(*FrechetDistance(MomentsOf(Cloud(20'000, 0, 1)), MomentsOf(Cloud(20'000, 0, 2))), 0.01);
}

TEST(FrechetDistance, IsFiniteForFewSamplesAndForConstantFeatures) {
  const FeatureMatrix constant{4, 3, std::vector<float>(12, 0.5f)};
  const auto distance = FrechetDistance(MomentsOf(Cloud(4, 0, 1)), MomentsOf(constant));
  ASSERT_TRUE(distance.ok()) << distance.status();
  EXPECT_TRUE(std::isfinite(*distance));
  EXPECT_GT(*distance, 0);
  EXPECT_NEAR(*FrechetDistance(MomentsOf(constant), MomentsOf(constant)), 0, 1e-9);
  const Moments one = MomentsOf({1, 3, {1, 2, 3}});
  EXPECT_NEAR(*FrechetDistance(one, one), 0, 1e-9);
}

TEST(FrechetDistance, RefusesOtherDimensionsAndNumbersThatAreNone) {
  const Moments two{10, {0, 0}, {1, 0, 0, 1}}, one{10, {0}, {1}};
  EXPECT_TRUE(absl::IsInvalidArgument(FrechetDistance(two, one).status()));
  const Moments broken{10, {0, std::nan("")}, {1, 0, 0, 1}};
  EXPECT_TRUE(absl::IsInvalidArgument(FrechetDistance(two, broken).status()));
}

TEST(PrecisionAndRecall, OfEqualSetsAreOneAndOfDisjointOnesZero) {
  const FeatureMatrix near = Cloud(50, 0, 1), far = Cloud(50, 100, 2);
  EXPECT_EQ(PrecisionAndRecall(near, near).precision, 1);
  EXPECT_EQ(PrecisionAndRecall(near, near).recall, 1);
  EXPECT_EQ(PrecisionAndRecall(near, far).precision, 0);
  EXPECT_EQ(PrecisionAndRecall(near, far).recall, 0);
}

TEST(PrecisionAndRecall, TellWhatIsDrawnWellFromWhatIsMissed) {
  // Real images are two clouds, drawn ones only one of them.
  FeatureMatrix real = Cloud(40, 0, 1);
  const FeatureMatrix other = Cloud(40, 100, 2), drawn = Cloud(40, 0, 3);
  real.values.insert(real.values.end(), other.values.begin(), other.values.end());
  real.rows += other.rows;
  const Coverage coverage = PrecisionAndRecall(real, drawn);
  EXPECT_GT(coverage.precision, 0.8);
  EXPECT_LE(coverage.recall, 0.5);
  EXPECT_GT(coverage.recall, 0.35);
}

TEST(PrecisionAndRecall, OfOneImageDrawnOverAndOverRecallsNothing) {
  const FeatureMatrix constant{50, 3, std::vector<float>(150, 0.1f)};
  EXPECT_EQ(PrecisionAndRecall(Cloud(50, 0, 1), constant).recall, 0);
  EXPECT_EQ(PrecisionAndRecall(Cloud(3, 0, 1), Cloud(3, 0, 1)).precision, 0);
}

TEST(NearestDistances, FindTheNearestAmongMoreRowsThanAreHeldAtOnce) {
  FeatureMatrix among{10'000, 1, {}};
  for (int i = 0; i < 10'000; ++i) among.values.push_back(static_cast<float>(i));
  const std::vector<double> nearest = NearestDistances({3, 1, {-2, 4321.25, 9999}}, among);
  EXPECT_NEAR(nearest[0], 2, 1e-6);
  EXPECT_NEAR(nearest[1], 0.25, 1e-6);
  EXPECT_NEAR(nearest[2], 0, 1e-3);
  EXPECT_TRUE(std::isinf(NearestDistances({1, 1, {0}}, {0, 1, {}})[0]));
}

TEST(MemorizedShare, IsOneForCopiesAndChancesForOthers) {
  std::vector<double> held_out;
  for (int i = 1; i <= 1000; ++i) held_out.push_back(i);
  EXPECT_EQ(MemorizedShare({0, 0, 0}, held_out), 1);
  EXPECT_NEAR(MemorizedShare(held_out, held_out), 0.01, 0.002);
  EXPECT_EQ(MemorizedShare({500, 2000}, held_out), 0);
  EXPECT_EQ(MemorizedShare({}, held_out), 0);
  EXPECT_EQ(MemorizedShare({1}, {}), 0);
}

TEST(MemorizedShare, DoesNotCountDuplicatesOfTheCatalogue) {
  std::vector<double> held_out(50, 0);
  for (int i = 1; i <= 950; ++i) held_out.push_back(i);
  EXPECT_EQ(MemorizedShare({0, 5, 500, 600}, held_out), 0.5);
}

TEST(MsSsim, OfAnImageWithItselfIsOne) {
  for (const int side : {11, 64, 128, 256}) EXPECT_NEAR(*MsSsim(Noise(side, 1), Noise(side, 1)), 1, 1e-6) << side;
}

TEST(MsSsim, OfFlatGreysIsTheLuminanceTermAlone) {
  const Pixels dark{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 50)};
  const Pixels light{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 100)};
  // Structure is 1 everywhere; the last of three scales has weight 0.3001 of 0.6305.
  const double c1 = 2.55 * 2.55;
  const double luminance = (2.0 * 50 * 100 + c1) / (50.0 * 50 + 100.0 * 100 + c1);
  EXPECT_NEAR(*MsSsim(dark, light), std::pow(luminance, 0.3001 / 0.6305), 1e-3);
}

TEST(MsSsim, FallsWithTheDifference) {
  const Pixels stripes = Stripes(128, 0);
  EXPECT_GT(*MsSsim(stripes, Stripes(128, 20)), 0.9);
  EXPECT_LT(*MsSsim(stripes, Noise(128, 1)), 0.4);
  // Black for white: the opposite structure counts as none.
  Pixels inverted = stripes;
  for (std::uint8_t& value : inverted.rgb) value = static_cast<std::uint8_t>(260 - value);
  EXPECT_EQ(*MsSsim(stripes, inverted), 0);
}

TEST(MsSsim, RefusesOtherSizesAndTooSmallImages) {
  EXPECT_TRUE(absl::IsInvalidArgument(MsSsim(Noise(64, 1), Noise(32, 1)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(MsSsim(Noise(10, 1), Noise(10, 1)).status()));
}

TEST(Diversity, IsZeroForOneImageAndHighForNoise) {
  const std::vector<Pixels> same(6, Stripes(64, 0));
  EXPECT_NEAR(*Diversity(same, {0, 0, 0, 1, 1, 1}, 100, 1), 0, 1e-6);
  const std::vector<Pixels> noise = {Noise(64, 1), Noise(64, 2), Noise(64, 3)};
  EXPECT_GT(*Diversity(noise, {0, 0, 0}, 100, 1), 0.7);
  // Pairs are of one category only.
  EXPECT_EQ(*Diversity(noise, {0, 1, 2}, 100, 1), 0);
  EXPECT_EQ(*Diversity({}, {}, 100, 1), 0);
}

}  // namespace
}  // namespace mannequin
