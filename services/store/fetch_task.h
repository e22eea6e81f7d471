// What is leased of the crawl's queue, as an engine answers it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mannequin/v1/product_store.pb.h"

namespace mannequin::store {

v1::FetchTask TaskOf(const v1::StoredProduct& product, const std::string& origin);

// The request's bounds; how long the leases last.
absl::StatusOr<absl::Duration> CheckLeaseFetches(const v1::LeaseFetchesRequest& request);

}  // namespace mannequin::store
