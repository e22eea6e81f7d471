// A reviewer's decision on a kept verdict: into the store, and counted.
#pragma once

#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "mannequin/v1/abuse_scorer.pb.h"

namespace mannequin {

// Durable when it returns OK. Errors of the store's PutReview, fields named as in `request`.
absl::StatusOr<v1::SubmitReviewResponse> SubmitReview(ProductStore& store, const v1::SubmitReviewRequest& request);

}  // namespace mannequin
