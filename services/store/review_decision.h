// Which verdicts a reviewer's decision is about.
#pragma once

#include <optional>

#include "mannequin/v1/verdict.pb.h"

namespace mannequin::store {

// What the kept review of a verdict's picture decides of it: the review's decision while both
// are of the same listing and policy, whatever bundle or rules judged, for a person looked at
// picture and text and not at a network. Else, and without a review, UNSPECIFIED.
v1::VerdictKind DecisionOn(const v1::Verdict& verdict, const std::optional<v1::Review>& review);

}  // namespace mannequin::store
