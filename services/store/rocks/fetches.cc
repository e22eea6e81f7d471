// The crawl's queue in RocksDB: an index by origin, and leases in memory.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/fetch_task.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/fetch_leases.h"
#include "services/store/rocks/fetch_queue.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::LeaseFetchesResponse> RocksStore::LeaseFetches(const v1::LeaseFetchesRequest& request) {
  ASSIGN_OR_RETURN(const absl::Duration lease, store::CheckLeaseFetches(request));
  const store::OriginFilter filter(request);
  absl::MutexLock lock(&mutex_);
  // Whoever fetched could not hand in what he got.
  RETURN_IF_ERROR(CheckWritable());
  const absl::Time now = LeaseNow();
  leases_->Expire(now);
  v1::LeaseFetchesResponse response;
  RETURN_IF_ERROR(fetch_queue_->Learn(*db_));
  const auto full = [&] { return response.tasks_size() >= request.max_products(); };
  // On from the origin after the last call's, then once around.
  const std::string start = lease_origin_;
  bool around = false;
  for (store::FetchQueue::Place* place = fetch_queue_->Next(start); !full();) {
    if (place == nullptr) {
      if (std::exchange(around, true)) break;
      place = fetch_queue_->First();
      continue;
    }
    const std::string origin = place->origin;
    if (around && origin > start) break;
    if (filter.Admits(origin)) {
      lease_origin_ = origin;
      RETURN_IF_ERROR(LeaseFromOrigin(origin, request, now + lease, response));
    }
    place = fetch_queue_->Next(origin);
  }
  response.set_leased_by_others(leases_->HeldByOthers(request.worker()));
  return response;
}

absl::Status RocksStore::LeaseFromOrigin(const std::string& origin, const v1::LeaseFetchesRequest& request,
                                         absl::Time expires, v1::LeaseFetchesResponse& response) {
  int most = request.max_products();
  if (request.max_products_per_origin() > 0) {
    most = std::min(most, response.tasks_size() + request.max_products_per_origin());
  }
  return fetch_queue_->VisitFrom(*db_, origin, [&](const std::string& id) -> absl::StatusOr<bool> {
    if (response.tasks_size() >= most) return false;
    if (leases_->Held(id)) return true;
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                     db_->Read<v1::StoredProduct>(Family::kProducts, id));
    if (!product) return absl::DataLossError(absl::StrCat("products/", id, ": in the index, but gone"));
    *response.add_tasks() = store::TaskOf(*product, origin);
    leases_->Take(id, request.worker(), expires);
    return true;
  });
}

}  // namespace mannequin
