#include "services/trainer/calibration.h"

#include <cmath>
#include <limits>

#include "common/nn/abuse_features.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(ExpectedCalibrationError, IsZeroWhenStatedAndObservedAgree) {
  EXPECT_NEAR(ExpectedCalibrationError({0.5, 0.5}, {0.5}), 0, 1e-12);
  EXPECT_NEAR(ExpectedCalibrationError({0.0}, {1.0}), 0, 1e-12);
  EXPECT_NEAR(ExpectedCalibrationError({1.0}, {0.0}), 1, 1e-12);
  EXPECT_NEAR(ExpectedCalibrationError({0.2}, {0.8}), 0.2, 1e-12);
}

TEST(ThresholdAt, LeavesTheAskedShareAbove) {
  std::vector<double> clean;
  for (int i = 0; i < 100; ++i) clean.push_back(i / 100.0);
  const double threshold = ThresholdAt(clean, 0.05);
  int above = 0;
  for (const double score : clean) above += score > threshold ? 1 : 0;
  EXPECT_EQ(above, 5);
  EXPECT_EQ(ThresholdAt({0.3}, 1), 0.3);
}

std::vector<Example> TwoHills(double distance) {
  std::vector<Example> examples;
  for (int i = 0; i < 200; ++i) {
    const double x = std::sin(i * 12.9898) * 1.5, noise = std::cos(i * 78.233);
    examples.push_back({{100 + x, noise}, false});
    examples.push_back({{100 + distance + x, noise}, true});
  }
  return examples;
}

TEST(FitCalibration, SeparatesAndIsMonotoneInTheTellingFeature) {
  int left_out = -1;
  const auto calibration = FitCalibration(kMismatch, TwoHills(2.5), &left_out);
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  EXPECT_EQ(calibration->reason(), "MISMATCH");
  EXPECT_GT(calibration->auc(), 0.9);
  EXPECT_LT(calibration->expected_calibration_error(), 0.15);
  EXPECT_LE(calibration->review_threshold(), calibration->abuse_threshold());
  double last = 0;
  for (double x = 96; x < 106; x += 0.5) {
    const double p = *CalibratedProbability(*calibration, {x, 0});
    EXPECT_GT(p, last);
    last = p;
  }
  EXPECT_NEAR(*CalibratedProbability(*calibration, {101.25, 0}), 0.5, 0.1);
}

// Where the hills overlap no fit can part them: it must lose nothing of what the telling
// feature alone tells.
TEST(FitCalibration, RanksOverlappingHillsAsWellAsTheTellingFeatureAlone) {
  const std::vector<Example> examples = TwoHills(2);
  double won = 0, pairs = 0;
  for (const Example& positive : examples) {
    for (const Example& negative : examples) {
      if (!positive.abuse || negative.abuse) continue;
      won += positive.features[0] > negative.features[0];
      ++pairs;
    }
  }
  int left_out = -1;
  const auto calibration = FitCalibration(kMismatch, examples, &left_out);
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  EXPECT_GT(calibration->auc(), won / pairs - 0.01);
  EXPECT_NEAR(*CalibratedProbability(*calibration, {101, 0}), 0.5, 0.1);
}

TEST(FitCalibration, UselessFeatureSaysHalf) {
  int left_out = -1;
  const auto calibration = FitCalibration(kMismatch, TwoHills(0), &left_out);
  ASSERT_TRUE(calibration.ok());
  EXPECT_NEAR(calibration->auc(), 0.5, 0.05);
  EXPECT_NEAR(*CalibratedProbability(*calibration, {100, 0}), 0.5, 0.05);
  EXPECT_EQ(left_out, 0);
}

TEST(FitCalibration, LeavesOutAFewMislabelledCleanOnes) {
  std::vector<Example> examples = TwoHills(6);
  for (int i = 0; i < 10; ++i) examples.push_back({{106, 0}, false});
  int left_out = -1;
  const auto calibration = FitCalibration(kPromotionalOverlay, examples, &left_out);
  ASSERT_TRUE(calibration.ok());
  EXPECT_EQ(left_out, 10);
  EXPECT_LT(calibration->abuse_threshold(), *CalibratedProbability(*calibration, {106, 0}));
}

TEST(FitCalibration, CategoriesWithEnoughListingsHaveThresholdsOfTheirOwnAndParentsToo) {
  std::vector<Example> examples;
  for (int i = 0; i < 600; ++i) {
    const double x = std::sin(i * 12.9898);
    examples.push_back({{x}, false, false, {"Apparel", "Shirts"}});
    examples.push_back({{x + 2}, false, false, {"Apparel", "Prints"}});  // look busier than others
    examples.push_back({{x + 4}, true});
  }
  for (int i = 0; i < 20; ++i) examples.push_back({{0.0}, false, false, {"Apparel", "Scarves"}});
  int left_out = -1;
  const auto calibration = FitCalibration(kMismatch, examples, &left_out);
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  ASSERT_EQ(calibration->categories_size(), 3);
  const Thresholds shirts = ThresholdsFor(*calibration, {"Apparel", "Shirts"}),
                   prints = ThresholdsFor(*calibration, {"Apparel", "Prints", "Batik"}),
                   scarves = ThresholdsFor(*calibration, {"Apparel", "Scarves"}),
                   boats = ThresholdsFor(*calibration, {"Boats"});
  EXPECT_LT(shirts.review, prints.review);
  EXPECT_EQ(scarves.review, ThresholdsFor(*calibration, {"Apparel"}).review) << "too few for their own";
  EXPECT_EQ(boats.review, calibration->review_threshold());
  int alarms = 0;
  for (const Example& example : examples) {
    if (example.abuse || example.category_path.back() != "Shirts") continue;
    alarms += *CalibratedProbability(*calibration, example.features) > shirts.review ? 1 : 0;
  }
  EXPECT_EQ(alarms, 24) << "one in twenty, less a standard error";
}

TEST(FitCalibration, BlownUpPicturesAndOthersBothStayUnderTheSharesOfFalseAlarms) {
  std::vector<Example> examples;
  for (int i = 0; i < 1000; ++i) {
    const double x = std::sin(i * 12.9898);
    examples.push_back({{x}, false, true, {"Apparel"}});
    if (i % 4 == 0) examples.push_back({{x + 1}, false, false, {i % 8 == 0 ? "Apparel" : "Footwear"}});
    examples.push_back({{x + 4}, true});
  }
  int left_out = -1;
  const auto calibration = FitCalibration(kMismatch, examples, &left_out);
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  int alarms = 0;
  for (const Example& example : examples) {
    if (example.abuse || example.blown_up) continue;
    alarms += *CalibratedProbability(*calibration, example.features) > calibration->review_threshold() ? 1 : 0;
  }
  EXPECT_LE(alarms, 12) << "of 250";
  EXPECT_EQ(calibration->categories_size(), 0) << "125 of the others are too few to hold their own thresholds to";
}

TEST(FitCalibration, NeedsBothKinds) {
  int left_out = 0;
  EXPECT_EQ(FitCalibration(kMismatch, {{{1}, true}}, &left_out).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FitCalibration(kMismatch, {}, &left_out).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
