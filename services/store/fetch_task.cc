#include "services/store/fetch_task.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/store/product_share.h"
#include "services/store/validate.h"

namespace mannequin::store {

v1::FetchTask TaskOf(const v1::StoredProduct& product, const std::string& origin) {
  v1::FetchTask task;
  task.set_product_id(product.product().id());
  task.set_url(product.product().image_url());
  task.set_attempts(product.image().attempts());
  task.set_origin(origin);
  if (product.image().refresh()) {
    task.set_refresh(true);
    task.set_etag(product.image().etag());
    task.set_last_modified(product.image().last_modified());
    task.set_source_sha256(product.image().source_sha256());
  }
  return task;
}

OriginFilter::OriginFilter(const v1::LeaseFetchesRequest& request)
    : except_(request.except_origins().begin(), request.except_origins().end()),
      parts_(std::max(request.parts(), 1)),
      part_(request.part()) {}

bool OriginFilter::Admits(const std::string& origin) const {
  return !except_.contains(origin) && ShareOf(origin, parts_) == part_;
}

absl::StatusOr<absl::Duration> CheckLeaseFetches(const v1::LeaseFetchesRequest& request) {
  RETURN_IF_ERROR(CheckWorker(request.worker()));
  RETURN_IF_ERROR(CheckCount("max_products", request.max_products(), 1, 10'000));
  RETURN_IF_ERROR(CheckCount("max_products_per_origin", request.max_products_per_origin(), 0, 10'000));
  RETURN_IF_ERROR(CheckCount("except_origins", request.except_origins_size(), 0, 10'000));
  RETURN_IF_ERROR(CheckCount("parts", request.parts(), 0, kMaxShares));
  RETURN_IF_ERROR(CheckCount("part", request.part(), 0, std::max(request.parts(), 1) - 1));
  return LeaseDuration(request.lease());
}

}  // namespace mannequin::store
