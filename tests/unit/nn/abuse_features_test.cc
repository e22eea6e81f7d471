#include "common/nn/abuse_features.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(AbuseFeatures, MismatchIsLogProbabilityMarginAndSource) {
  Judgement judgement;
  judgement.match = 0.25f;
  judgement.image_category = {0, std::log(3.0f)};  // probabilities 1/4 and 3/4
  const auto features = MismatchFeatures(judgement, {1});
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_NEAR((*features)[0], std::log(0.75), 1e-6);
  EXPECT_NEAR((*features)[1], std::log(3.0), 1e-6);
  EXPECT_NEAR((*features)[2], 0.25, 1e-6);
}

TEST(AbuseFeatures, LogitsOfAnySizeStayFinite) {
  Judgement judgement;
  judgement.image_category = {1000, -1000};
  EXPECT_NEAR((*MismatchFeatures(judgement, {1}))[0], -2000, 1e-3);
  EXPECT_NEAR(CategoryProbability(judgement, 0), 1, 1e-9);
}

TEST(AbuseFeatures, UnknownCategoryIsRefused) {
  Judgement judgement;
  judgement.image_category = {0, 1};
  EXPECT_EQ(MismatchFeatures(judgement, {2}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MismatchFeatures(judgement, {-1}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CategoryProbability(judgement, 2), 0);
}

// Category probabilities 1/4 and 3/4; p(MISMATCH) = sigmoid(-source).
TEST(AbuseFeatures, ConfidenceWeighsTheCategoryWithTheMatch) {
  Judgement judgement;
  judgement.image_category = {0, std::log(3.0f)};
  v1::GanInfo gan;
  EXPECT_NEAR(*DrawnConfidence(gan, judgement, {1}), 0.75, 1e-6);  // no calibration: the category alone
  v1::Calibration& calibration = *gan.add_calibrations();
  calibration.set_reason(kMismatch);
  for (const double weight : {0.0, 0.0, -1.0}) calibration.add_weights(weight);
  EXPECT_NEAR(*DrawnConfidence(gan, judgement, {1}), 0.75, 1e-6);  // a match of one half says nothing
  judgement.match = std::log(2.0f);
  EXPECT_NEAR(*DrawnConfidence(gan, judgement, {1}), 6.0 / 7, 1e-6);  // odds 3 * 2
  judgement.match = -std::log(6.0f);
  EXPECT_NEAR(*DrawnConfidence(gan, judgement, {1}), 1.0 / 3, 1e-6);  // odds 3 / 6
  judgement.image_category = {-1000, 1000};
  judgement.match = -1000;
  const double contradiction = *DrawnConfidence(gan, judgement, {1});
  EXPECT_GE(contradiction, 0);
  EXPECT_LE(contradiction, 1);
  EXPECT_EQ(DrawnConfidence(gan, judgement, {2}).status().code(), absl::StatusCode::kInvalidArgument);
  calibration.add_weights(1);
  EXPECT_EQ(DrawnConfidence(gan, judgement, {1}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(AbuseFeatures, OverlayIsTheLargestCellAndTheMeanOfFour) {
  Judgement judgement;
  judgement.overlay = {-1, 5, 3, -2, 4, 2};
  const auto features = OverlayFeatures(judgement);
  ASSERT_TRUE(features.ok());
  EXPECT_EQ(*features, (std::vector<double>{5, 3.5}));
  EXPECT_EQ(OverlayFeatures(Judgement{}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AbuseFeatures, CalibrationIsMonotoneInItsFeature) {
  v1::Calibration calibration;
  calibration.set_reason(kPromotionalOverlay);
  calibration.add_weights(0.5);
  calibration.add_weights(1.5);
  calibration.set_bias(-1);
  EXPECT_NEAR(*CalibratedProbability(calibration, {2, 0}), 0.5, 1e-12);
  double last = 0;
  for (double x = -8; x <= 8; x += 0.5) {
    const double p = *CalibratedProbability(calibration, {x, x});
    EXPECT_GT(p, last);
    EXPECT_LT(p, 1);
    last = p;
  }
  EXPECT_EQ(CalibratedProbability(calibration, {1}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(AbuseFeatures, CalibrationIsFoundByItsReason) {
  v1::GanInfo gan;
  EXPECT_EQ(FindCalibration(gan, kMismatch), nullptr);
  gan.add_calibrations()->set_reason(kPromotionalOverlay);
  gan.add_calibrations()->set_reason(kMismatch);
  EXPECT_EQ(FindCalibration(gan, kMismatch), &gan.calibrations(1));
}

TEST(MismatchFeatures, AListedColourCountsByHowLikelyTheImageShowsIt) {
  Judgement judgement;
  judgement.image_category = {0, 0};
  EXPECT_EQ(MismatchFeatures(judgement, {0, -1})->size(), 3u) << "a bundle that tells no colours";
  judgement.image_color = {std::log(0.5f), std::log(0.25f), std::log(0.25f)};
  EXPECT_NEAR((*MismatchFeatures(judgement, {0, 0}))[3], std::log(0.5), 1e-6);
  EXPECT_NEAR((*MismatchFeatures(judgement, {0, 2}))[3], std::log(0.25), 1e-6);
  const double mean = 0.5 * std::log(0.5) + 0.5 * std::log(0.25);
  EXPECT_NEAR((*MismatchFeatures(judgement, {0, -1}))[3], mean, 1e-6) << "no colour is listed";
  EXPECT_EQ(MismatchFeatures(judgement, {0, 3}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
