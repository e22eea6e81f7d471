// Products that match a filter, in id order.
//
// Each condition with an index is a sorted walk over ids; several are merged by
// leap-frog (each in turn seeks to the greatest id that any has reached), so that the
// cost follows the rarest condition. What has no index is checked on the record.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/store/database.h"

namespace mannequin::store {

absl::Status CheckFilter(const v1::ProductFilter& filter);

// Calls `visit` for each match after the id `after` (empty: from the first), on one
// snapshot, until it answers false. `filter` must have passed CheckFilter.
// DATA_LOSS when a block or a record is damaged: never silently short.
absl::Status VisitProducts(const Database& db, const v1::ProductFilter& filter, absl::string_view after,
                           const std::function<bool(const v1::StoredProduct&)>& visit);

}  // namespace mannequin::store
