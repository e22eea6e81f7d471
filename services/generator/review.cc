#include "services/generator/review.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/generator/badge.h"
#include "services/generator/metrics.h"
#include "services/generator/review_bounds.h"

namespace mannequin {
namespace {

constexpr int kPage = 100;

std::string StateName(v1::PlaceholderState state) {
  return v1::PlaceholderState_Name(state).substr(std::string("PLACEHOLDER_STATE_").size());
}

// From which state to which, by whom and why.
struct Decision {
  v1::PlaceholderState from;
  v1::PlaceholderState to;
  const char* verb;  // "only a PROPOSED one can be `verb`"; what is counted too
  std::string reviewer;
  std::string reason;
  std::string seen = {};  // the picture that it is about; empty: the one that is there
};

struct Decided {
  v1::Placeholder placeholder;
  bool changed = false;
};

absl::StatusOr<v1::Image> BadgedPicture(ProductStore& store, const v1::Placeholder& placeholder) {
  v1::GetImageRequest get;
  get.set_sha256(placeholder.image_sha256());
  ASSIGN_OR_RETURN(const v1::GetImageResponse plain, store.GetImage(get));
  return BadgedImage(plain.image(), {.product_id = placeholder.product_id(),
                                     .bundle_version = placeholder.bundle_version(),
                                     .seed = placeholder.seed()});
}

// An approved one of before there were badges gets its own when it is approved once more.
bool IsDone(const v1::Placeholder& placeholder, const Decision& decision) {
  return placeholder.state() == decision.to &&
         (decision.to != v1::PLACEHOLDER_STATE_APPROVED || !placeholder.badged_image_sha256().empty());
}

absl::StatusOr<v1::Placeholder> Change(ProductStore& store, const v1::Placeholder& found, const Decision& decision) {
  v1::PutPlaceholderRequest put;
  *put.mutable_placeholder() = found;
  put.mutable_placeholder()->set_state(decision.to);
  put.mutable_placeholder()->set_rejection_reason(decision.reason);
  put.set_expected_state(found.state());
  put.set_reviewer(decision.reviewer);
  put.set_reason(decision.reason);
  if (decision.to == v1::PLACEHOLDER_STATE_APPROVED) {
    ASSIGN_OR_RETURN(*put.mutable_badged_image(), BadgedPicture(store, found));
  }
  ASSIGN_OR_RETURN(v1::PutPlaceholderResponse stored, store.PutPlaceholder(put));
  return std::move(*stored.mutable_placeholder());
}

absl::StatusOr<Decided> Decide(ProductStore& store, const std::string& product_id, const Decision& decision) {
  v1::GetPlaceholderRequest get;
  get.set_product_id(product_id);
  std::string seen = decision.seen;
  // Twice at most: the second time after somebody else was faster.
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const v1::GetPlaceholderResponse got, store.GetPlaceholder(get));
    const v1::Placeholder& found = got.placeholder();
    if (IsDone(found, decision)) return Decided{found, false};
    if (found.state() != decision.from && found.state() != decision.to) {
      return absl::FailedPreconditionError(absl::StrCat("placeholder of ", product_id, " is ", StateName(found.state()),
                                                        "; only one that is ", StateName(decision.from), " can be ",
                                                        decision.verb));
    }
    if (!seen.empty() && found.image_sha256() != seen) {
      return absl::FailedPreconditionError(
          absl::StrCat("placeholder of ", product_id, " was drawn anew; look at the new picture first"));
    }
    seen = found.image_sha256();
    absl::StatusOr<v1::Placeholder> changed = Change(store, found, decision);
    if (changed.ok()) {
      generator_metrics::CountPlaceholder(decision.verb);
      return Decided{*std::move(changed), true};
    }
    // A picture that is gone may be another one's by now.
    const bool overtaken = absl::IsFailedPrecondition(changed.status()) || absl::IsNotFound(changed.status());
    if (!overtaken || attempt > 0) return changed.status();
  }
}

Decision Approval(const std::string& reviewer) {
  return {v1::PLACEHOLDER_STATE_PROPOSED, v1::PLACEHOLDER_STATE_APPROVED, "approved", reviewer, ""};
}

}  // namespace

absl::StatusOr<v1::ReviewPlaceholderResponse> Review(ProductStore& store, const v1::ReviewPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckReviewed(request.product_id()));
  RETURN_IF_ERROR(CheckBytes("rejection_reason", request.rejection_reason(), kMaxReasonBytes));
  RETURN_IF_ERROR(CheckBytes("reviewer", request.reviewer(), kMaxReviewerBytes));
  if (request.approve() && !request.rejection_reason().empty()) {
    return absl::InvalidArgumentError("rejection_reason: given with an approval");
  }
  Decision decision = Approval(request.reviewer());
  decision.seen = request.image_sha256();
  if (!request.approve()) {
    decision.to = v1::PLACEHOLDER_STATE_REJECTED;
    decision.verb = "rejected";
    decision.reason = request.rejection_reason();
  }
  ASSIGN_OR_RETURN(Decided decided, Decide(store, request.product_id(), decision));
  v1::ReviewPlaceholderResponse response;
  *response.mutable_placeholder() = std::move(decided.placeholder);
  return response;
}

absl::StatusOr<v1::ApprovePlaceholdersResponse> ApproveAll(ProductStore& store,
                                                           const v1::ApprovePlaceholdersRequest& request,
                                                           const std::function<bool()>& cancelled) {
  RETURN_IF_ERROR(CheckBytes("reviewer", request.reviewer(), kMaxReviewerBytes));
  Decision decision = Approval(request.reviewer());
  v1::ListPlaceholdersRequest list;
  list.set_state(v1::PLACEHOLDER_STATE_PROPOSED);
  *list.mutable_category_path() = request.category_path();
  list.set_min_confidence(request.min_confidence());
  list.set_page_size(kPage);
  v1::ApprovePlaceholdersResponse response;
  do {
    ASSIGN_OR_RETURN(const v1::ListPlaceholdersResponse page, store.ListPlaceholders(list));
    for (const v1::Placeholder& placeholder : page.placeholders()) {
      if (cancelled()) {
        return absl::CancelledError(absl::StrCat(response.approved(),
                                                 " were approved before the caller's time was over; ask again for the "
                                                 "rest"));
      }
      decision.seen = placeholder.image_sha256();
      const absl::StatusOr<Decided> decided = Decide(store, placeholder.product_id(), decision);
      if (decided.ok() && decided->changed) {
        response.set_approved(response.approved() + 1);
      } else if (decided.ok() || absl::IsFailedPrecondition(decided.status())) {
        response.set_skipped(response.skipped() + 1);
      } else {
        return decided.status();
      }
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  return response;
}

absl::StatusOr<v1::WithdrawPlaceholderResponse> Withdraw(ProductStore& store,
                                                         const v1::WithdrawPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckReviewed(request.product_id()));
  RETURN_IF_ERROR(CheckBytes("reason", request.reason(), kMaxReasonBytes));
  RETURN_IF_ERROR(CheckBytes("reviewer", request.reviewer(), kMaxReviewerBytes));
  ASSIGN_OR_RETURN(Decided decided, Decide(store, request.product_id(),
                                           {v1::PLACEHOLDER_STATE_APPROVED, v1::PLACEHOLDER_STATE_REJECTED, "withdrawn",
                                            request.reviewer(), request.reason()}));
  v1::WithdrawPlaceholderResponse response;
  *response.mutable_placeholder() = std::move(decided.placeholder);
  return response;
}

}  // namespace mannequin
