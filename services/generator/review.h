// A person's word on placeholders that are there.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "mannequin/v1/image_generator.pb.h"

namespace mannequin {

// All are thread-safe, and answer INVALID_ARGUMENT naming the field, NOT_FOUND without a
// placeholder, and the store's errors. The same word said again changes nothing and is OK; of two
// reviewers who disagree at once one gets FAILED_PRECONDITION, as does who reviews a picture
// that was drawn anew meanwhile.

// PROPOSED becomes APPROVED, with a badge drawn for it, or REJECTED.
absl::StatusOr<v1::ReviewPlaceholderResponse> Review(ProductStore& store, const v1::ReviewPlaceholderRequest& request);

// Every PROPOSED one that the request asks for becomes APPROVED. `cancelled` is asked before
// each; CANCELLED then, and what was approved stays: the same request goes on there.
absl::StatusOr<v1::ApprovePlaceholdersResponse> ApproveAll(ProductStore& store,
                                                           const v1::ApprovePlaceholdersRequest& request,
                                                           const std::function<bool()>& cancelled);

// APPROVED becomes REJECTED.
absl::StatusOr<v1::WithdrawPlaceholderResponse> Withdraw(ProductStore& store,
                                                         const v1::WithdrawPlaceholderRequest& request);

}  // namespace mannequin
