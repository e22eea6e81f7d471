// What reviewers decided of verdicts: one review a picture of a product, the last one.
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/store/page_token.h"
#include "services/store/record_store.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::PutReviewResponse> RecordStore::PutReview(const v1::PutReviewRequest& request) {
  RETURN_IF_ERROR(store::CheckReview("review.", request.review()));
  const std::string& id = request.review().product_id();
  const std::string key = store::ReviewKey(id, request.review().image_sha256());
  v1::PutReviewResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::Verdict> verdict, edit.Read<v1::Verdict>(Family::kVerdicts, id));
    if (!verdict) return absl::NotFoundError(absl::StrCat("verdict of ", id, ": there is none to be reviewed"));
    if (verdict->image_sha256() != request.review().image_sha256()) {
      return absl::FailedPreconditionError(
          absl::StrCat("review.image_sha256: is ", request.review().image_sha256(), ", but the verdict of ", id,
                       verdict->image_sha256().empty() ? std::string(" is of no picture")
                                                       : absl::StrCat(" is of ", verdict->image_sha256()),
                       "; look at that one and decide again"));
    }
    ASSIGN_OR_RETURN(const std::optional<v1::Review> before, edit.Read<v1::Review>(Family::kReviews, key));
    v1::Review& after = *response.mutable_review();
    after = request.review();
    *after.mutable_verdict() = *verdict;
    after.mutable_verdict()->clear_review_decision();
    if (before && verdict->review_decision() == after.decision()) {
      *after.mutable_reviewed_at() = before->reviewed_at();
      // The same once more, as after an answer that was lost.
      if (google::protobuf::util::MessageDifferencer::Equals(*before, after)) return absl::OkStatus();
    }
    *after.mutable_reviewed_at() = edit.now();
    edit.PutReview(before.has_value(), after);
    v1::Verdict marked = *verdict;
    marked.set_review_decision(after.decision());
    edit.PutVerdict(verdict, marked);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListReviewsResponse> RecordStore::ListReviews(const v1::ListReviewsRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  const std::string query = "reviews";
  ASSIGN_OR_RETURN(const std::string after, store::ParsePageToken(query, request.page_token()));
  v1::ListReviewsResponse response;
  std::size_t bytes = 0;
  RETURN_IF_ERROR(VisitReviews(after, [&](const v1::Review& review) -> absl::StatusOr<bool> {
    if (response.reviews_size() < page_size && bytes < store::kPageBytes) {
      bytes += review.ByteSizeLong();
      *response.add_reviews() = review;
      return true;
    }
    const v1::Review& last = *response.reviews().rbegin();
    response.set_next_page_token(store::MakePageToken(query, store::ReviewKey(last.product_id(), last.image_sha256())));
    return false;
  }));
  return response;
}

}  // namespace mannequin
