// A drawing as the placeholder that it is proposed as.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/generator/illustrator.h"

namespace mannequin {

// The best picture of `drawn`, which has one, PROPOSED for that product: encoded, marked, with
// its confidence, seed and bundle. Which state it follows is the caller's to add.
absl::StatusOr<v1::PutPlaceholderRequest> ProposalOf(const std::string& product_id, const Illustration& drawn);

}  // namespace mannequin
