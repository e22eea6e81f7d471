// A marketplace's rules for a listing's main picture: the profiles in policies/*.textproto, and what of them a picture
// breaks.
//
//   ASSIGN_OR_RETURN(const v1::Policy* policy, PolicyNamed("amazon"));
//   AddPolicy(opinion, *policy, JudgePolicy(*policy, measures, overlay_probability));
//
// The files are part of the program. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/embedded_file.h"
#include "common/image/picture_measures.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "services/scorer/judge.h"

namespace mannequin {

// Profiles by name. INVALID_ARGUMENT names file and field: text that is no Policy, a file that is not called as its
// policy, a version that does not begin with the name, a name twice, a policy without rules; a rule without measure,
// bound or source, with a bound that no measure can break, with bounds the wrong way round, or with formats where its
// measure has none; generated images that are allowed without the marketplace's words and their
// source.
absl::StatusOr<std::vector<v1::Policy>> ParsePolicies(const std::vector<EmbeddedFile>& files);

// Those of the program. Ends the process when they are broken, which a test forbids.
const std::vector<v1::Policy>& Policies();

// Null for an empty name. INVALID_ARGUMENT "policy: ..." names those that there are.
absl::StatusOr<const v1::Policy*> PolicyNamed(absl::string_view name);

// Of a verdict: "rules-1", or "rules-1 amazon-2026-11" with a policy. `policy` may be null.
std::string RulesVersion(const v1::Policy* policy);

struct PolicyOpinion {
  std::vector<v1::PolicyFinding> findings;  // in the order of the rules
  // Rules that could not be checked and why, e.g. "policy rule frame_share: the background is not of one colour".
  std::vector<std::string> unchecked;
  // ABUSE when a required rule is broken; REVIEW when another is, or a required one could not be checked; else CLEAN.
  v1::VerdictKind kind = v1::VERDICT_KIND_CLEAN;
  // That a rule is broken: 1 when a measured one is, else the probability of an overlay where that breaks one, else 0.
  double probability = 0;
};

// `overlay`: the calibrated probability of PROMOTIONAL_OVERLAY; nothing when no network judged it.
PolicyOpinion JudgePolicy(const v1::Policy& policy, const PictureMeasures& measures, std::optional<double> overlay);

// Adds the reason POLICY, with the findings as `detail`, and raises the kind.
void AddPolicy(Opinion& opinion, const PolicyOpinion& judged);

}  // namespace mannequin
