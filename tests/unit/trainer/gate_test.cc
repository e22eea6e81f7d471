#include "services/trainer/gate.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

v1::Quality Figures(const std::string& measured_with) {
  v1::Quality quality;
  quality.set_frechet_distance(10);
  quality.set_recall(0.5);
  quality.set_category_agreement(0.8);
  quality.set_color_agreement(0.6);
  quality.set_color_accuracy(0.7);
  quality.set_diversity(0.4);
  quality.set_match_auc(0.9);
  quality.set_measured_with(measured_with);
  return quality;
}

v1::BundleManifest Bundle(const std::string& version) {
  v1::BundleManifest manifest;
  manifest.set_version(version);
  v1::GanInfo& gan = *manifest.mutable_gan();
  gan.set_resolution(64);
  *gan.mutable_quality() = Figures("r1");
  v1::Calibration& calibration = *gan.add_calibrations();
  calibration.set_reason("MISMATCH");
  calibration.set_auc(0.95);
  return manifest;
}

// One of a later training that measured the other, too.
v1::BundleManifest Successor(const v1::BundleManifest& current) {
  v1::BundleManifest manifest = Bundle("b-2");
  *manifest.mutable_gan()->mutable_quality() = Figures("r2");
  manifest.mutable_gan()->set_baseline_version(current.version());
  *manifest.mutable_gan()->mutable_baseline() = Figures("r2");
  return manifest;
}

std::string Worse(const GateResult& gate) {
  std::string names;
  for (const v1::GateRow& row : gate.rows) names += row.worse() ? row.figure() + ";" : "";
  return names;
}

TEST(Gate, PassesWhatIsWithinTolerance) {
  const v1::BundleManifest current = Bundle("b-1");
  v1::BundleManifest candidate = Successor(current);
  EXPECT_EQ(CompareBundles(candidate, current).verdict, GateVerdict::kPassed);
  EXPECT_EQ(CompareBundles(candidate, current).rows.size(), 7u);
  v1::Quality& quality = *candidate.mutable_gan()->mutable_quality();
  quality.set_frechet_distance(10.5);
  quality.set_category_agreement(0.78);
  quality.set_color_agreement(0.57);
  quality.set_recall(0.45);
  quality.set_diversity(0.37);
  quality.set_match_auc(0.89);
  candidate.mutable_gan()->mutable_calibrations(0)->set_auc(0.94);
  const GateResult gate = CompareBundles(candidate, current);
  EXPECT_EQ(gate.verdict, GateVerdict::kPassed) << GateTable(gate);
  EXPECT_TRUE(CheckGate(gate, false).ok());
}

TEST(Gate, RefusesEachFigureThatIsWorseAndShowsTheTable) {
  const v1::BundleManifest current = Bundle("b-1");
  const auto worse = [&](auto change) {
    v1::BundleManifest candidate = Successor(current);
    change(candidate.mutable_gan());
    const GateResult gate = CompareBundles(candidate, current);
    EXPECT_EQ(gate.verdict, GateVerdict::kWorse);
    return Worse(gate);
  };
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_frechet_distance(10.51); }), "Frechet distance;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_frechet_distance(NAN); }), "Frechet distance;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_recall(0.44); }), "recall;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_category_agreement(0.77); }), "category agreement;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_color_agreement(0.56); }), "colour agreement;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_diversity(0.36); }), "diversity;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_quality()->set_match_auc(0.88); }), "match AUC;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->mutable_calibrations(0)->set_auc(0.93); }), "MISMATCH AUC;");
  EXPECT_EQ(worse([](v1::GanInfo* g) { g->clear_calibrations(); }), "MISMATCH AUC;");

  v1::BundleManifest candidate = Successor(current);
  candidate.mutable_gan()->mutable_quality()->set_recall(0.2);
  const GateResult gate = CompareBundles(candidate, current);
  const absl::Status refused = CheckGate(gate, false);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  for (const char* part : {"b-2", "b-1", "recall", "0.200", "0.500", "WORSE", "force"}) {
    EXPECT_NE(refused.message().find(part), absl::string_view::npos) << part << "\n" << refused;
  }
  EXPECT_TRUE(CheckGate(gate, true).ok());
}

TEST(Gate, ComparesGoingBackToTheBundleThatTheCurrentOneWasMeasuredAgainst) {
  const v1::BundleManifest before = Bundle("b-1");
  v1::BundleManifest current = Successor(before);
  EXPECT_EQ(CompareBundles(before, current).verdict, GateVerdict::kPassed);
  current.mutable_gan()->mutable_baseline()->set_recall(0.1);
  EXPECT_EQ(Worse(CompareBundles(before, current)), "recall;");
}

TEST(Gate, ComparesBundlesOfOneRuler) {
  v1::BundleManifest other = Bundle("b-3");
  other.mutable_gan()->mutable_quality()->set_match_auc(0.5);
  EXPECT_EQ(Worse(CompareBundles(other, Bundle("b-1"))), "match AUC;");
}

TEST(Gate, AsksForAMeasurementWhenFiguresDoNotCompare) {
  v1::BundleManifest candidate = Bundle("b-2");
  candidate.mutable_gan()->mutable_quality()->set_measured_with("r2");
  GateResult gate = CompareBundles(candidate, Bundle("b-1"));
  EXPECT_EQ(gate.verdict, GateVerdict::kNotComparable);
  EXPECT_TRUE(gate.rows.empty());
  const absl::Status refused = CheckGate(gate, false);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_NE(refused.message().find("train eval b-2 b-1"), absl::string_view::npos) << refused;
  EXPECT_TRUE(CheckGate(gate, true).ok());
  candidate.mutable_gan()->clear_quality();
  EXPECT_EQ(CompareBundles(candidate, Bundle("b-1")).verdict, GateVerdict::kNotComparable);
}

TEST(Gate, IsNotBlockedByACurrentBundleWithoutFiguresOrGan) {
  v1::BundleManifest current = Bundle("b-1");
  current.mutable_gan()->clear_quality();
  EXPECT_EQ(CompareBundles(Bundle("b-2"), current).verdict, GateVerdict::kNothingToCompare);
  current.clear_gan();
  EXPECT_TRUE(CheckGate(CompareBundles(Bundle("b-2"), current), false).ok());
  EXPECT_TRUE(CheckGate(CompareBundles(Bundle("b-2"), v1::BundleManifest()), false).ok());
  EXPECT_EQ(CompareBundles(Bundle("b-1"), Bundle("b-1")).verdict, GateVerdict::kNothingToCompare);
  EXPECT_EQ(CompareBundles(current, Bundle("b-2")).verdict, GateVerdict::kNothingToCompare);
}

TEST(Gate, LeavesOutWhatMeansNothingHere) {
  v1::BundleManifest candidate = Bundle("b-2");
  candidate.mutable_gan()->set_resolution(128);
  candidate.mutable_gan()->mutable_quality()->set_diversity(0);
  candidate.mutable_gan()->mutable_quality()->set_color_accuracy(0);
  candidate.mutable_gan()->mutable_quality()->set_color_agreement(0);
  const GateResult gate = CompareBundles(candidate, Bundle("b-1"));
  EXPECT_EQ(gate.verdict, GateVerdict::kPassed) << GateTable(gate);
  EXPECT_EQ(gate.rows.size(), 5u);
}

}  // namespace
}  // namespace mannequin
