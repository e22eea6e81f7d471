#include "services/mannequin/review_agreement.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

// A review of a verdict whose highest reason is `highest`, decided ABUSE for `decided`, or CLEAN for none.
v1::Review Reviewed(v1::VerdictKind kind, v1::AbuseReason highest, std::initializer_list<v1::AbuseReason> decided) {
  v1::Review review;
  review.mutable_verdict()->set_kind(kind);
  review.mutable_verdict()->add_reasons()->set_reason(highest);
  review.set_decision(decided.size() == 0 ? v1::VERDICT_KIND_CLEAN : v1::VERDICT_KIND_ABUSE);
  for (const v1::AbuseReason reason : decided) review.add_reasons(reason);
  return review;
}

TEST(ReviewAgreement, OnlyVerdictsThatTookASideCanBeAgreedWith) {
  ReviewAgreement agreement;
  EXPECT_FALSE(agreement.Share().has_value());
  agreement.Add(Reviewed(v1::VERDICT_KIND_REVIEW, v1::ABUSE_REASON_MISMATCH, {}));
  EXPECT_FALSE(agreement.Share().has_value());
  agreement.Add(Reviewed(v1::VERDICT_KIND_CLEAN, v1::ABUSE_REASON_MISMATCH, {}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_CLEAN, v1::ABUSE_REASON_MISMATCH, {v1::ABUSE_REASON_POLICY}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_ABUSE, v1::ABUSE_REASON_MISMATCH, {v1::ABUSE_REASON_MISMATCH}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_ABUSE, v1::ABUSE_REASON_MISMATCH, {v1::ABUSE_REASON_POLICY}));
  EXPECT_EQ(5, agreement.reviews());
  EXPECT_EQ(0.75, agreement.Share());
  EXPECT_EQ(0.5, AgreedShare(v1::VERDICT_KIND_CLEAN, agreement.kinds().at(v1::VERDICT_KIND_CLEAN)));
  EXPECT_EQ(1.0, AgreedShare(v1::VERDICT_KIND_ABUSE, agreement.kinds().at(v1::VERDICT_KIND_ABUSE)));
  EXPECT_FALSE(AgreedShare(v1::VERDICT_KIND_REVIEW, agreement.kinds().at(v1::VERDICT_KIND_REVIEW)).has_value());
}

TEST(ReviewAgreement, AReasonIsConfirmedReplacedRefutedOrMissed) {
  ReviewAgreement agreement;
  agreement.Add(Reviewed(v1::VERDICT_KIND_REVIEW, v1::ABUSE_REASON_MISMATCH,
                         {v1::ABUSE_REASON_POLICY, v1::ABUSE_REASON_MISMATCH}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_ABUSE, v1::ABUSE_REASON_MISMATCH, {v1::ABUSE_REASON_PLACEHOLDER}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_ABUSE, v1::ABUSE_REASON_MISMATCH, {}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_CLEAN, v1::ABUSE_REASON_POLICY, {v1::ABUSE_REASON_MISMATCH}));
  agreement.Add(Reviewed(v1::VERDICT_KIND_CLEAN, v1::ABUSE_REASON_POLICY, {}));
  ASSERT_EQ(1u, agreement.reasons().size());
  const ReasonCounts& mismatch = agreement.reasons().at(v1::ABUSE_REASON_MISMATCH);
  EXPECT_EQ(1, mismatch.confirmed);
  EXPECT_EQ(1, mismatch.other);
  EXPECT_EQ(1, mismatch.clean);
  EXPECT_EQ(1, mismatch.missed);
}

}  // namespace
}  // namespace mannequin
