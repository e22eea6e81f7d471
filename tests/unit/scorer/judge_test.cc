#include "services/scorer/judge.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// Judges by the source logit alone, and by the largest overlay logit alone.
v1::GanInfo Gan() {
  v1::GanInfo gan;
  v1::Calibration* mismatch = gan.add_calibrations();
  mismatch->set_reason(kMismatch);
  for (const double weight : {0.0, 0.0, -1.0}) mismatch->add_weights(weight);
  mismatch->set_review_threshold(0.5);
  mismatch->set_abuse_threshold(0.9);
  v1::Calibration* overlay = gan.add_calibrations();
  overlay->set_reason(kPromotionalOverlay);
  for (const double weight : {1.0, 0.0}) overlay->add_weights(weight);
  overlay->set_review_threshold(0.5);
  overlay->set_abuse_threshold(0.9);
  return gan;
}

Judgement Said(float source, std::vector<float> overlay = std::vector<float>(16, -5)) {
  Judgement judgement;
  judgement.match = source;
  judgement.image_category = {1, 0, 0};
  judgement.overlay_width = 4;
  judgement.overlay_height = static_cast<int>(overlay.size()) / 4;
  judgement.overlay = std::move(overlay);
  return judgement;
}

// "ABUSE MISMATCH OVERLAY": the kind and the reasons in their order.
std::string Render(const Opinion& opinion) {
  std::vector<std::string> words{v1::VerdictKind_Name(opinion.kind).substr(13)};
  for (const v1::ReasonScore& score : opinion.reasons) words.push_back(v1::AbuseReason_Name(score.reason()).substr(13));
  return absl::StrJoin(words, " ");
}

std::string Render(const std::vector<v1::Box>& boxes) {
  return absl::StrJoin(boxes, " ", [](std::string* out, const v1::Box& box) {
    absl::StrAppend(out, box.width(), "x", box.height(), "+", box.x(), "+", box.y());
  });
}

Pixels Square(int side, std::uint8_t value) {
  return {side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side * 3), value)};
}

TEST(Judge, KindIsThatOfTheWorstReason) {
  EXPECT_EQ(Render(Judge(Gan(), {0}, Said(4)).value()), "CLEAN MISMATCH PROMOTIONAL_OVERLAY");
  EXPECT_EQ(Render(Judge(Gan(), {0}, Said(-1)).value()), "REVIEW MISMATCH PROMOTIONAL_OVERLAY");
  EXPECT_EQ(Render(Judge(Gan(), {0}, Said(-4)).value()), "ABUSE MISMATCH PROMOTIONAL_OVERLAY");
}

TEST(Judge, ReasonsAreHighestFirst) {
  const Opinion opinion = Judge(Gan(), {0}, Said(4, std::vector<float>(16, 3))).value();
  EXPECT_EQ(Render(opinion), "ABUSE PROMOTIONAL_OVERLAY MISMATCH");
  EXPECT_NEAR(opinion.reasons[0].probability(), 0.9526, 1e-4);
  EXPECT_NEAR(opinion.reasons[1].probability(), 0.0180, 1e-4);
}

TEST(AddReason, PutsWhatMadeTheKindBeforeWhatIsMoreProbableAndHarmless) {
  Opinion opinion;
  const auto add = [&](v1::AbuseReason name, double probability, v1::VerdictKind kind) {
    v1::ReasonScore reason;
    reason.set_reason(name);
    reason.set_probability(probability);
    AddReason(opinion, reason, kind);
  };
  add(v1::ABUSE_REASON_MISMATCH, 0.45, v1::VERDICT_KIND_CLEAN);
  EXPECT_EQ(Render(opinion), "CLEAN MISMATCH");
  add(v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, 0.42, v1::VERDICT_KIND_ABUSE);
  add(v1::ABUSE_REASON_LOW_QUALITY, 0.6, v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(Render(opinion), "ABUSE PROMOTIONAL_OVERLAY LOW_QUALITY MISMATCH");
}

TEST(AddReason, OfARuleRaisesANotScoredOpinionOnlyWhenItFoundSomething) {
  Opinion opinion;
  opinion.kind = v1::VERDICT_KIND_NOT_SCORED;
  v1::ReasonScore reason;
  reason.set_reason(v1::ABUSE_REASON_LOW_QUALITY);
  AddReason(opinion, reason, v1::VERDICT_KIND_CLEAN);
  EXPECT_EQ(opinion.kind, v1::VERDICT_KIND_NOT_SCORED);
  reason.set_reason(v1::ABUSE_REASON_POLICY);
  AddReason(opinion, reason, v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(opinion.kind, v1::VERDICT_KIND_REVIEW);
}

TEST(Judge, OverlayIsProbableFromReviewOn) {
  EXPECT_FALSE(Judge(Gan(), {0}, Said(4))->overlay_probable);
  EXPECT_TRUE(Judge(Gan(), {0}, Said(4, std::vector<float>(16, 1)))->overlay_probable);
}

TEST(Judge, ABundleWithoutCalibrationJudgesNothing) { EXPECT_EQ(Render(Judge({}, {0}, Said(-9)).value()), "CLEAN"); }

TEST(Judge, RefusesACategoryThatIsNoIndexAndACalibrationOfAnotherSize) {
  EXPECT_EQ(Judge(Gan(), {3}, Said(0)).status().code(), absl::StatusCode::kInvalidArgument);
  v1::GanInfo gan = Gan();
  gan.mutable_calibrations(0)->add_weights(1);
  EXPECT_EQ(Judge(gan, {0}, Said(0)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Judge, AMismatchIsProbableAboveTheReviewThresholdOfItsCategory) {
  v1::GanInfo gan = Gan();
  v1::CategoryThresholds& shirts = *gan.mutable_calibrations(0)->add_categories();
  shirts.add_category_path("Shirts");
  shirts.set_review_threshold(0.8);
  shirts.set_abuse_threshold(0.95);
  v1::Product shirt, boot;
  shirt.add_category_path("Shirts");
  boot.add_category_path("Boots");
  v1::Verdict verdict;
  v1::ReasonScore& overlay = *verdict.add_reasons();
  overlay.set_reason(v1::ABUSE_REASON_PROMOTIONAL_OVERLAY);
  overlay.set_probability(1);
  EXPECT_FALSE(MismatchIsProbable(gan, boot, verdict));
  v1::ReasonScore& mismatch = *verdict.add_reasons();
  mismatch.set_reason(v1::ABUSE_REASON_MISMATCH);
  mismatch.set_probability(0.7);
  EXPECT_TRUE(MismatchIsProbable(gan, boot, verdict));
  EXPECT_FALSE(MismatchIsProbable(gan, shirt, verdict));
  EXPECT_FALSE(MismatchIsProbable({}, boot, verdict));
  mismatch.set_probability(0.4);
  EXPECT_FALSE(MismatchIsProbable(gan, boot, verdict));
}

TEST(Judge, APlaceholderIsAbuseWhateverTheNetworksThink) {
  Opinion opinion = Judge(Gan(), {0}, Said(4)).value();
  AddPlaceholder(opinion, "it is blank");
  EXPECT_EQ(Render(opinion), "ABUSE PLACEHOLDER MISMATCH PROMOTIONAL_OVERLAY");
  EXPECT_EQ(opinion.reasons[0].detail(), "it is blank");
  EXPECT_EQ(opinion.reasons[0].probability(), 1);
}

TEST(WithoutBars, GivesThePictureThatWasPadded) {
  Pixels pixels = Square(16, 255);
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t i = 4 * 3; i < 12 * 3; ++i) pixels.rgb[y * 48 + i] = 10;
  }
  const Pixels high = WithoutBars(pixels, {150, 300});
  EXPECT_LE(high.width, 8);
  EXPECT_EQ(high.height, 16);
  EXPECT_EQ(std::count(high.rgb.begin(), high.rgb.end(), 10), static_cast<std::ptrdiff_t>(high.rgb.size()));
  EXPECT_EQ(WithoutBars(pixels, {300, 300}).rgb, pixels.rgb);
}

TEST(Judge, OneBoxForEachGroupOfTouchingCells) {
  const Judgement judgement = Said(0, {1, 1, -1, -1,    //
                                       1, -1, -1, -1,   //
                                       -1, -1, -1, -1,  //
                                       -1, -1, -1, 1});
  EXPECT_EQ(Render(OverlayBoxes(judgement, {400, 400})), "200x200+0+0 100x100+300+300");
}

TEST(Judge, BoxesAreInPixelsOfThePictureNotOfThePaddedSquare) {
  const Judgement judgement = Said(0, {-1, -1, -1, -1,  //
                                       -1, 1, -1, -1,   //
                                       -1, -1, -1, -1,  //
                                       -1, -1, -1, -1});
  // Wide: bars above and below, each a quarter of the square.
  EXPECT_EQ(Render(OverlayBoxes(judgement, {400, 200})), "100x100+100+0");
  EXPECT_EQ(Render(OverlayBoxes(judgement, {200, 400})), "100x100+0+100");
}

TEST(Judge, ABoxOnTheBarsAloneIsLeftOut) {
  const Judgement judgement = Said(0, {1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1});
  EXPECT_EQ(Render(OverlayBoxes(judgement, {400, 200})), "");
}

TEST(Judge, ThereAreNoBoxesWithoutAMap) { EXPECT_TRUE(OverlayBoxes({}, {400, 200}).empty()); }

}  // namespace
}  // namespace mannequin
