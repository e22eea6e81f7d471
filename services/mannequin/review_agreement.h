// How far reviewers agree with the verdicts that they reviewed.
//
//   ReviewAgreement agreement;
//   for (const v1::Review& review : reviews) agreement.Add(review);
//   agreement.Share();   // 0.97
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "mannequin/v1/verdict.pb.h"

namespace mannequin {

// Reviews of verdicts of one kind, by what was decided.
struct DecisionCounts {
  std::int64_t clean = 0;
  std::int64_t abuse = 0;
};

// Reviews about one reason.
struct ReasonCounts {
  // REVIEW and ABUSE verdicts whose highest reason it was: decided ABUSE for it among others, ABUSE
  // for other reasons only, or CLEAN.
  std::int64_t confirmed = 0;
  std::int64_t other = 0;
  std::int64_t clean = 0;
  // CLEAN verdicts that were decided ABUSE for it.
  std::int64_t missed = 0;
};

// Not thread-safe.
class ReviewAgreement {
 public:
  void Add(const v1::Review& review);

  const std::map<v1::VerdictKind, DecisionCounts>& kinds() const { return kinds_; }
  const std::map<v1::AbuseReason, ReasonCounts>& reasons() const { return reasons_; }
  std::int64_t reviews() const;
  // Of the verdicts that took a side, CLEAN or ABUSE, the share decided as they said, 0 to 1. Nothing when
  // none did.
  std::optional<double> Share() const;

 private:
  std::map<v1::VerdictKind, DecisionCounts> kinds_;
  std::map<v1::AbuseReason, ReasonCounts> reasons_;
};

// Share() of the verdicts of one kind; nothing for a kind that takes no side.
std::optional<double> AgreedShare(v1::VerdictKind kind, const DecisionCounts& counts);

}  // namespace mannequin
