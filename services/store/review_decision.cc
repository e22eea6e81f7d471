#include "services/store/review_decision.h"

#include "google/protobuf/util/message_differencer.h"

namespace mannequin::store {

v1::VerdictKind DecisionOn(const v1::Verdict& verdict, const std::optional<v1::Review>& review) {
  using google::protobuf::util::MessageDifferencer;
  if (!review || review->image_sha256() != verdict.image_sha256()) return v1::VERDICT_KIND_UNSPECIFIED;
  const v1::Verdict& reviewed = review->verdict();
  const bool same =
      reviewed.policy() == verdict.policy() && MessageDifferencer::Equals(reviewed.listing(), verdict.listing());
  return same ? review->decision() : v1::VERDICT_KIND_UNSPECIFIED;
}

}  // namespace mannequin::store
