// Products that match a filter.
//
// Category, brand, image state and verdict are each a sorted walk over ids; several are
// merged by leap-frog (each in turn seeks to the greatest id that any has reached), so
// that the cost follows the rarest condition. `updated_after` alone is a walk in the order
// of the updates, which is what follows the changes needs; beside others it is checked on
// the record.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/store/record_store.h"
#include "services/store/rocks/database.h"

namespace mannequin::store {

// Calls `visit` for each match after the position `after` (empty: from the first), on one
// snapshot, until it answers false. `filter` must have passed CheckFilter.
// DATA_LOSS when a block or a record is damaged: never silently short.
absl::Status VisitProducts(const Database& db, const v1::ProductFilter& filter, absl::string_view after,
                           ProductVisitor visit);

}  // namespace mannequin::store
