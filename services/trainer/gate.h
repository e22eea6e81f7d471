// Whether a bundle may become the current one: figure by figure against the bundle that
// is, with a tolerance each, and only when both were measured on the same products by the same
// classifier.
//
//   const GateResult gate = CompareBundles(candidate, current);
//   RETURN_IF_ERROR(CheckGate(gate, force));
//
// Pure functions. The figures and tolerances are those of QualityFigures (Frechet
// distance 5 %, category agreement 0.02, colour agreement 0.03, recall 0.05,
// diversity 0.03, match AUC 0.01) and 0.01 of the AUC of each reason's calibration.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "mannequin/v1/bundle.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

enum class GateVerdict {
  // The current bundle has no GAN or no figures, the candidate has no GAN, or they are one bundle.
  kNothingToCompare,
  // Both have figures, measured on different products or by different classifiers, or
  // only the current one has.
  kNotComparable,
  kPassed,
  kWorse,
};

struct GateResult {
  GateVerdict verdict = GateVerdict::kNothingToCompare;
  std::string candidate, current;  // versions
  std::vector<v1::GateRow> rows;   // empty unless kPassed or kWorse
};

// Figures compare when the candidate's training measured the current bundle too
// (`baseline_version`), when the current one's training measured the candidate, or when
// `measured_with` is the same. Diversity is left out between resolutions, where it means
// different things, and a figure that neither has is left out.
GateResult CompareBundles(const v1::BundleManifest& candidate, const v1::BundleManifest& current);

// The rows as lines: figure, candidate, current, tolerance, verdict. Ends with a newline.
std::string GateTable(const GateResult& gate);

// FAILED_PRECONDITION, with the table, for a worse candidate, and without one where
// figures cannot be compared, saying what to do. OK when `force`.
absl::Status CheckGate(const GateResult& gate, bool force);

}  // namespace mannequin
