// Verdicts as the store keeps them: under the product's id and with the listing that was judged, so
// that they can be listed, reviewed and replayed.
//
//   AddListing(product, verdict);
//   RETURN_IF_ERROR(KeepVerdicts(store, put));   // durable
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin {

// INVALID_ARGUMENT "product.id: ..." when nothing can be kept under it.
absl::Status CheckKeptId(const v1::Product& product);

// Sets `product_id` and `listing`: everything of a product that is judged, and its id.
void AddListing(const v1::Product& product, v1::Verdict& verdict);

// Whether an error of Scorer or GetImage is of one picture alone, so that it makes the listing NOT_SCORED
// and leaves others be. Not RESOURCE_EXHAUSTED, which says that the scorer or the store is too busy.
bool IsOfThePicture(const absl::Status& status);
// The verdict for it, with its listing. `image_sha256` is empty when the picture was not to be had.
v1::Verdict NotScored(const v1::Product& product, absl::string_view image_sha256, const absl::Status& why,
                      absl::Time now);

// Returns when all are durable. The store's error, with words that say that the verdicts are not kept: whoever asked
// for them to be is told, with no verdict that could be taken for a kept one.
absl::Status KeepVerdicts(ProductStore& store, const v1::PutVerdictsRequest& verdicts);

}  // namespace mannequin
