#include "services/scorer/reviews.h"

#include <string>

#include "absl/strings/strip.h"
#include "services/scorer/metrics.h"

namespace mannequin {

absl::StatusOr<v1::SubmitReviewResponse> SubmitReview(ProductStore& store, const v1::SubmitReviewRequest& request) {
  v1::PutReviewRequest put;
  v1::Review& review = *put.mutable_review();
  review.set_product_id(request.product_id());
  review.set_image_sha256(request.image_sha256());
  review.set_decision(request.decision());
  *review.mutable_reasons() = request.reasons();
  review.set_reviewer(request.reviewer());
  review.set_note(request.note());
  absl::StatusOr<v1::PutReviewResponse> kept = store.PutReview(put);
  if (!kept.ok()) {
    return absl::Status(kept.status().code(), absl::StripPrefix(kept.status().message(), "review."));
  }
  scorer_metrics::CountReview(kept->review());
  v1::SubmitReviewResponse response;
  *response.mutable_review() = std::move(*kept->mutable_review());
  return response;
}

}  // namespace mannequin
