// A person's word on a placeholder.
#pragma once

#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "mannequin/v1/image_generator.pb.h"

namespace mannequin {

// PROPOSED becomes APPROVED or REJECTED. The same word said again changes nothing and is
// OK; of two reviewers who disagree at once one gets FAILED_PRECONDITION, as does who
// reviews any other state. NOT_FOUND; INVALID_ARGUMENT naming the field. Thread-safe.
absl::StatusOr<v1::ReviewPlaceholderResponse> Review(ProductStore& store, const v1::ReviewPlaceholderRequest& request);

}  // namespace mannequin
