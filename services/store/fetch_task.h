// What is leased of the crawl's queue, as an engine answers it.
#pragma once

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mannequin/v1/product_store.pb.h"

namespace mannequin::store {

v1::FetchTask TaskOf(const v1::StoredProduct& product, const std::string& origin);

// Which origins a call takes of. The request must outlive it.
class OriginFilter {
 public:
  explicit OriginFilter(const v1::LeaseFetchesRequest& request);
  bool Admits(const std::string& origin) const;

 private:
  const absl::flat_hash_set<absl::string_view> except_;
  const int parts_;
  const int part_;
};

// The request's bounds; how long the leases last.
absl::StatusOr<absl::Duration> CheckLeaseFetches(const v1::LeaseFetchesRequest& request);

}  // namespace mannequin::store
