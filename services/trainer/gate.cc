#include "services/trainer/gate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/trainer/quality_figures.h"

namespace mannequin {
namespace {

constexpr double kCalibrationTolerance = 0.01;
constexpr double kRounding = 1e-9;

bool SameRuler(const v1::Quality& a, const v1::Quality& b) {
  return !a.measured_with().empty() && a.measured_with() == b.measured_with();
}

v1::GateRow Row(const std::string& figure, double candidate, double current, double tolerance, bool higher_better) {
  v1::GateRow row;
  row.set_figure(figure);
  row.set_candidate(candidate);
  row.set_current(current);
  row.set_tolerance(tolerance);
  const double loss = higher_better ? current - candidate : candidate - current;
  // A figure that is not a number passes nothing.
  row.set_worse(!(loss <= tolerance + kRounding));
  return row;
}

const v1::Calibration* CalibrationOf(const v1::GanInfo& gan, const std::string& reason) {
  for (const v1::Calibration& calibration : gan.calibrations()) {
    if (calibration.reason() == reason) return &calibration;
  }
  return nullptr;
}

}  // namespace

GateResult CompareBundles(const v1::BundleManifest& candidate, const v1::BundleManifest& current) {
  GateResult result;
  result.candidate = candidate.version();
  result.current = current.version();
  const v1::GanInfo &ours = candidate.gan(), &theirs = current.gan();
  if (!candidate.has_gan() || !current.has_gan() || candidate.version() == current.version()) return result;
  const v1::Quality *own = nullptr, *other = nullptr;
  if (ours.has_baseline() && ours.baseline_version() == current.version() &&
      SameRuler(ours.quality(), ours.baseline())) {
    own = &ours.quality();
    other = &ours.baseline();
  } else if (theirs.has_baseline() && theirs.baseline_version() == candidate.version() &&
             SameRuler(theirs.quality(), theirs.baseline())) {
    own = &theirs.baseline();
    other = &theirs.quality();
  } else if (SameRuler(ours.quality(), theirs.quality())) {
    own = &ours.quality();
    other = &theirs.quality();
  } else {
    if (theirs.has_quality()) result.verdict = GateVerdict::kNotComparable;
    return result;
  }
  for (const QualityFigure& figure : QualityFigures()) {
    if (figure.tolerance == 0) continue;
    if (figure.value == &v1::Quality::diversity && ours.resolution() != theirs.resolution()) continue;
    // Without colours in the catalogue.
    if (figure.value == &v1::Quality::color_agreement && own->color_accuracy() == 0) continue;
    const double now = (other->*figure.value)();
    result.rows.push_back(Row(figure.name, (own->*figure.value)(), now,
                              figure.relative ? figure.tolerance * std::abs(now) : figure.tolerance,
                              figure.higher_better));
  }
  for (const v1::Calibration& before : theirs.calibrations()) {
    const v1::Calibration* const now = CalibrationOf(ours, before.reason());
    result.rows.push_back(Row(absl::StrCat(before.reason(), " AUC"), now == nullptr ? 0 : now->auc(), before.auc(),
                              kCalibrationTolerance, true));
  }
  const bool worse =
      std::any_of(result.rows.begin(), result.rows.end(), [](const v1::GateRow& row) { return row.worse(); });
  result.verdict = worse ? GateVerdict::kWorse : GateVerdict::kPassed;
  return result;
}

std::string GateTable(const GateResult& gate) {
  std::string table = absl::StrFormat("%-24s %10s %10s %10s\n", "figure", "candidate", "current", "may differ");
  for (const v1::GateRow& row : gate.rows) {
    absl::StrAppend(
        &table, absl::StrFormat("%-24s %10s %10s %10s  %s\n", row.figure(), FigureText(row.candidate()),
                                FigureText(row.current()), FigureText(row.tolerance()), row.worse() ? "WORSE" : "ok"));
  }
  return table;
}

absl::Status CheckGate(const GateResult& gate, bool force) {
  if (force) return absl::OkStatus();
  switch (gate.verdict) {
    case GateVerdict::kWorse:
      return absl::FailedPreconditionError(
          absl::StrCat("version: ", gate.candidate, " is worse than the current ", gate.current,
                       " (`force`, or --force, promotes it all the same):\n", GateTable(gate)));
    case GateVerdict::kNotComparable:
      return absl::FailedPreconditionError(
          absl::StrCat("version: the figures of ", gate.candidate, " and of the current ", gate.current,
                       " were not measured on the same products by the same classifier, so they cannot be compared; "
                       "`mannequin train eval ",
                       gate.candidate, " ", gate.current, "` measures both; `force`, or --force, promotes without"));
    case GateVerdict::kNothingToCompare:
    case GateVerdict::kPassed:
      break;
  }
  return absl::OkStatus();
}

}  // namespace mannequin
