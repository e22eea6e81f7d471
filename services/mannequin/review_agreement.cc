#include "services/mannequin/review_agreement.h"

#include <algorithm>

namespace mannequin {
namespace {

// Decided as the kind says; none for one that takes no side.
std::int64_t Agreed(v1::VerdictKind kind, const DecisionCounts& counts) {
  if (kind == v1::VERDICT_KIND_CLEAN) return counts.clean;
  return kind == v1::VERDICT_KIND_ABUSE ? counts.abuse : 0;
}

bool TakesASide(v1::VerdictKind kind) { return kind == v1::VERDICT_KIND_CLEAN || kind == v1::VERDICT_KIND_ABUSE; }

std::optional<double> ShareOf(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void ReviewAgreement::Add(const v1::Review& review) {
  const v1::Verdict& verdict = review.verdict();
  const bool abuse = review.decision() == v1::VERDICT_KIND_ABUSE;
  DecisionCounts& kind = kinds_[verdict.kind()];
  ++(abuse ? kind.abuse : kind.clean);
  if (verdict.kind() == v1::VERDICT_KIND_CLEAN) {
    for (const int reason : review.reasons()) ++reasons_[static_cast<v1::AbuseReason>(reason)].missed;
  }
  const bool suspected = verdict.kind() == v1::VERDICT_KIND_REVIEW || verdict.kind() == v1::VERDICT_KIND_ABUSE;
  if (!suspected || verdict.reasons().empty()) return;
  const v1::AbuseReason highest = verdict.reasons(0).reason();
  const bool confirmed = std::find(review.reasons().begin(), review.reasons().end(), highest) != review.reasons().end();
  ReasonCounts& counts = reasons_[highest];
  ++(!abuse ? counts.clean : confirmed ? counts.confirmed : counts.other);
}

std::int64_t ReviewAgreement::reviews() const {
  std::int64_t sum = 0;
  for (const auto& [kind, counts] : kinds_) sum += counts.clean + counts.abuse;
  return sum;
}

std::optional<double> ReviewAgreement::Share() const {
  std::int64_t agreed = 0, sided = 0;
  for (const auto& [kind, counts] : kinds_) {
    if (!TakesASide(kind)) continue;
    agreed += Agreed(kind, counts);
    sided += counts.clean + counts.abuse;
  }
  return ShareOf(agreed, sided);
}

std::optional<double> AgreedShare(v1::VerdictKind kind, const DecisionCounts& counts) {
  if (!TakesASide(kind)) return std::nullopt;
  return ShareOf(Agreed(kind, counts), counts.clean + counts.abuse);
}

}  // namespace mannequin
