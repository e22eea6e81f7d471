#include "services/scorer/quality_rules.h"

#include <string>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

// A good photo; tests spoil one thing.
PictureMeasures Good() {
  PictureMeasures measures;
  measures.width = 800;
  measures.height = 600;
  measures.edge_width = 1.4;
  measures.jpeg_quality = 85;
  measures.blockiness = 0.2;
  measures.backdrop.product.emplace();
  return measures;
}

Opinion After(const PictureMeasures& measures, v1::VerdictKind kind = v1::VERDICT_KIND_CLEAN) {
  Opinion opinion;
  opinion.kind = kind;
  AddLowQuality(opinion, JudgeQuality(measures));
  return opinion;
}

std::string DetailOf(const PictureMeasures& measures) { return After(measures).reasons.at(0).detail(); }

TEST(QualityRules, AGoodPhotoIsCleanAndItsProbabilityIsLow) {
  const Opinion opinion = After(Good());
  EXPECT_EQ(opinion.kind, v1::VERDICT_KIND_CLEAN);
  ASSERT_EQ(opinion.reasons.size(), 1u);
  EXPECT_EQ(opinion.reasons[0].reason(), v1::ABUSE_REASON_LOW_QUALITY);
  EXPECT_LT(opinion.reasons[0].probability(), 0.02);
  EXPECT_EQ(opinion.reasons[0].detail(), "");
}

TEST(QualityRules, EachDefectIsNamedForAPerson) {
  PictureMeasures measures = Good();
  measures.edge_width = 4.6;
  EXPECT_EQ(DetailOf(measures), "blurred: edges are 4.6 pixels wide");
  measures = Good();
  measures.width = 36;
  measures.height = 48;
  EXPECT_EQ(DetailOf(measures), "tiny: 36x48 pixels");
  measures = Good();
  measures.jpeg_quality = 12;
  EXPECT_EQ(DetailOf(measures), "over-compressed: JPEG of quality 12");
  measures = Good();
  measures.blockiness = 1.5;
  EXPECT_EQ(DetailOf(measures), "over-compressed: steps between blocks are 2.5 times those within");
  measures = Good();
  measures.backdrop.product->cut_share = 0.4;
  EXPECT_EQ(DetailOf(measures), "cut off: the product goes on beyond 40 % of a side");
  measures = Good();
  measures.backdrop.product->count = 4;
  measures.backdrop.product->side_by_side = true;
  EXPECT_EQ(DetailOf(measures), "collage: 4 products apart from each other");
  measures = Good();
  measures.seam = {1.6, 0.9, true};
  EXPECT_EQ(DetailOf(measures), "collage: two pictures joined side by side");
}

TEST(QualityRules, SeveralDefectsAreAllNamed) {
  PictureMeasures measures = Good();
  measures.width = measures.height = 40;
  measures.edge_width = 5;
  const Opinion opinion = After(measures);
  EXPECT_EQ(opinion.reasons[0].probability(), 1);
  EXPECT_EQ(opinion.reasons[0].detail(), "blurred: edges are 5.0 pixels wide; tiny: 40x40 pixels");
}

TEST(QualityRules, ADefectMakesReviewAndNeverAbuse) {
  PictureMeasures measures = Good();
  measures.edge_width = 9;
  measures.width = measures.height = 40;
  EXPECT_EQ(After(measures).kind, v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(After(measures, v1::VERDICT_KIND_NOT_SCORED).kind, v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(After(measures, v1::VERDICT_KIND_ABUSE).kind, v1::VERDICT_KIND_ABUSE);
}

TEST(QualityRules, WithoutADefectNotScoredStays) {
  EXPECT_EQ(After(Good(), v1::VERDICT_KIND_NOT_SCORED).kind, v1::VERDICT_KIND_NOT_SCORED);
}

TEST(QualityRules, ACatalogueOfThumbnailsIsNotTiny) {
  PictureMeasures measures = Good();
  measures.width = 60;
  measures.height = 80;
  EXPECT_EQ(After(measures).kind, v1::VERDICT_KIND_CLEAN);
}

TEST(QualityRules, WhatCannotBeMeasuredIsNoDefect) {
  PictureMeasures measures;
  measures.width = measures.height = 300;
  EXPECT_EQ(After(measures).kind, v1::VERDICT_KIND_CLEAN);
}

}  // namespace
}  // namespace mannequin
