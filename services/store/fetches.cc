// The crawl's queue: products whose image is PENDING or to be refreshed.
#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/fetch_leases.h"
#include "services/store/fetch_queue.h"
#include "services/store/prefix_cursor.h"
#include "services/store/rocks_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

constexpr std::size_t kMaxResultBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxFailureMessage = 1024;
constexpr std::size_t kMaxValidator = 1024;
constexpr int kChangeBatch = 1000;

absl::Status CheckResult(const std::string& where, const v1::FetchResult& result, std::string& sha256) {
  RETURN_IF_ERROR(store::CheckProductId(absl::StrCat(where, "product_id"), result.product_id()));
  RETURN_IF_ERROR(store::CheckText(absl::StrCat(where, "url"), result.url(), 0, 2048));
  switch (result.outcome_case()) {
    case v1::FetchResult::kImage: {
      ASSIGN_OR_RETURN(sha256, store::CheckImage(absl::StrCat(where, "image."), result.image()));
      RETURN_IF_ERROR(store::CheckRenditions(absl::StrCat(where, "renditions"), result.renditions()));
      break;
    }
    case v1::FetchResult::kFailure:
      if (v1::FetchFailure_IsValid(result.failure().reason()) &&
          (result.failure().retry() || result.failure().reason() != v1::FETCH_FAILURE_UNSPECIFIED)) {
        break;
      }
      return absl::InvalidArgumentError(absl::StrCat(where, "failure.reason: is not one of FetchFailure"));
    case v1::FetchResult::kNotModified:
      break;
    case v1::FetchResult::OUTCOME_NOT_SET:
      return absl::InvalidArgumentError(absl::StrCat(where, "outcome: give image, failure or not_modified"));
  }
  RETURN_IF_ERROR(store::CheckCount(absl::StrCat(where, "attempts"), result.attempts(), 0, 1000));
  RETURN_IF_ERROR(store::CheckText(absl::StrCat(where, "etag"), result.etag(), 0, kMaxValidator));
  RETURN_IF_ERROR(store::CheckText(absl::StrCat(where, "last_modified"), result.last_modified(), 0, kMaxValidator));
  if (result.source_sha256().empty()) return absl::OkStatus();
  const absl::Status hash = store::ImageKey(result.source_sha256()).status();
  return hash.ok() ? hash : absl::InvalidArgumentError(absl::StrCat(where, "source_", hash.message()));
}

// Whether its image is to be fetched: not yet had, or asked for again.
bool IsToBeFetched(const v1::ImageInfo& image) { return image.state() == v1::IMAGE_STATE_PENDING || image.refresh(); }

// Where a picture that was fetched came from.
void RecordSource(const v1::FetchResult& result, v1::ImageInfo& image) {
  image.set_etag(result.etag());
  image.set_last_modified(result.last_modified());
  image.set_source_sha256(result.source_sha256());
  image.set_perceptual_hash(result.perceptual_hash());
}

// A picture that is stored outlives a refresh that fails.
void RecordFailure(const v1::FetchResult::Failure& failure, v1::ImageInfo& image) {
  if (failure.reason() == v1::FETCH_FAILURE_UNSPECIFIED) return;  // given back as it was
  image.set_failure(failure.reason());
  image.set_failure_message(store::CleanText(failure.message(), kMaxFailureMessage));
  if (image.state() == v1::IMAGE_STATE_STORED) {
    image.set_refresh(failure.retry());
  } else if (!failure.retry()) {
    image.set_state(failure.reason() == v1::FETCH_FAILURE_NOT_AVAILABLE ? v1::IMAGE_STATE_MISSING
                                                                        : v1::IMAGE_STATE_FAILED);
  }
}

void RecordNotModified(const v1::FetchResult& result, const google::protobuf::Timestamp& now, v1::ImageInfo& image) {
  image.set_refresh(false);
  image.clear_failure();
  image.clear_failure_message();
  if (!result.etag().empty()) image.set_etag(result.etag());
  if (!result.last_modified().empty()) image.set_last_modified(result.last_modified());
  *image.mutable_fetched_at() = now;
}

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

}  // namespace

absl::StatusOr<v1::LeaseFetchesResponse> RocksStore::LeaseFetches(const v1::LeaseFetchesRequest& request) {
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  RETURN_IF_ERROR(store::CheckCount("max_products", request.max_products(), 1, 10'000));
  RETURN_IF_ERROR(store::CheckCount("max_products_per_origin", request.max_products_per_origin(), 0, 10'000));
  RETURN_IF_ERROR(store::CheckCount("except_origins", request.except_origins_size(), 0, 10'000));
  ASSIGN_OR_RETURN(const absl::Duration lease, store::LeaseDuration(request.lease()));
  const absl::flat_hash_set<absl::string_view> except(request.except_origins().begin(), request.except_origins().end());
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
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
    if (!except.contains(origin)) {
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
    *response.add_tasks() = TaskOf(*product, origin);
    leases_->Take(id, request.worker(), expires);
    return true;
  });
}

absl::StatusOr<v1::CompleteFetchesResponse> RocksStore::CompleteFetches(const v1::CompleteFetchesRequest& request) {
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  RETURN_IF_ERROR(store::CheckCount("results", request.results_size(), 1, 1000));
  if (request.ByteSizeLong() > kMaxResultBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("results: ", request.ByteSizeLong(), " bytes, expected at most ", kMaxResultBytes));
  }
  // Hashing is the long part: before the writer mutex.
  std::vector<std::string> hashes(static_cast<std::size_t>(request.results_size()));
  for (int i = 0; i < request.results_size(); ++i) {
    RETURN_IF_ERROR(CheckResult(absl::StrCat("results[", i, "]."), request.results(i), hashes[i]));
  }
  v1::CompleteFetchesResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    for (int i = 0; i < request.results_size(); ++i) {
      const v1::FetchResult& result = request.results(i);
      ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> before,
                       edit.Read<v1::StoredProduct>(Family::kProducts, result.product_id()));
      if (!before || !IsToBeFetched(before->image()) || before->product().image_url() != result.url()) {
        leases_->ReleaseIfHeldBy(result.product_id(), request.worker());
        response.set_dropped(response.dropped() + 1);
        response.add_dropped_results(i);
        continue;
      }
      if (result.has_failure() && result.failure().retry()) {
        leases_->ReleaseIfHeldBy(result.product_id(), request.worker());
      } else {
        leases_->Release(result.product_id());
      }
      v1::StoredProduct after = *before;
      if (result.has_image()) {
        RETURN_IF_ERROR(StoreImage(*before, result.image(), hashes[i], result.renditions(), edit, after));
        RecordSource(result, *after.mutable_image());
        response.set_stored(response.stored() + 1);
      } else if (result.has_not_modified()) {
        RecordNotModified(result, edit.now(), *after.mutable_image());
        response.set_not_modified(response.not_modified() + 1);
      } else {
        RecordFailure(result.failure(), *after.mutable_image());
        if (!result.failure().retry()) response.set_failed(response.failed() + 1);
      }
      after.mutable_image()->set_attempts(before->image().attempts() + result.attempts());
      // A picture that stayed is nothing that followers of the updates wait for.
      const bool stayed = !result.has_image() && after.image().state() == v1::IMAGE_STATE_STORED;
      if (!stayed) *after.mutable_updated_at() = edit.now();
      edit.PutProduct(before, after);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change));
  return response;
}

absl::StatusOr<v1::RetryFetchesResponse> RocksStore::RetryFetches(const v1::RetryFetchesRequest& request) {
  if (!v1::FetchFailure_IsValid(request.failure())) {
    return absl::InvalidArgumentError("failure: is not one of FetchFailure");
  }
  // What shows no product is MISSING and not FAILED, among those that name no image.
  const v1::ImageState state =
      request.failure() == v1::FETCH_FAILURE_NOT_AVAILABLE ? v1::IMAGE_STATE_MISSING : v1::IMAGE_STATE_FAILED;
  v1::RetryFetchesResponse response;
  RETURN_IF_ERROR(ChangeAll(state, [&](const v1::StoredProduct& before, v1::StoredProduct& after) {
    if (request.failure() != v1::FETCH_FAILURE_UNSPECIFIED && before.image().failure() != request.failure()) {
      return false;
    }
    after.mutable_image()->Clear();
    after.mutable_image()->set_state(v1::IMAGE_STATE_PENDING);
    response.set_products(response.products() + 1);
    return true;
  }));
  return response;
}

absl::StatusOr<v1::RefreshFetchesResponse> RocksStore::RefreshFetches(const v1::RefreshFetchesRequest& request) {
  const absl::Time before_time =
      request.has_fetched_before() ? store::FromProto(request.fetched_before()) : absl::InfiniteFuture();
  v1::RefreshFetchesResponse response;
  RETURN_IF_ERROR(ChangeAll(v1::IMAGE_STATE_STORED, [&](const v1::StoredProduct& before, v1::StoredProduct& after) {
    // A picture that was put, and not fetched, has no source to be compared with.
    const v1::ImageInfo& image = before.image();
    if (image.refresh() || image.source_sha256().empty() || before.product().image_url().empty() ||
        store::FromProto(image.fetched_at()) >= before_time) {
      return false;
    }
    after.mutable_image()->set_refresh(true);
    after.mutable_image()->set_attempts(0);
    response.set_products(response.products() + 1);
    return true;
  }));
  return response;
}

absl::Status RocksStore::ChangeAll(
    v1::ImageState state, const std::function<bool(const v1::StoredProduct& before, v1::StoredProduct& after)>& body) {
  std::string last;
  // Batches bound the memory and let other writers in.
  for (bool more = true; more;) {
    const auto change = [&](store::Edit& edit) -> absl::Status {
      store::PrefixCursor products(*db_, store::ImageStatePrefix(state));
      int seen = 0;
      for (products.SeekAfter(last); products.Valid() && seen < kChangeBatch; products.Next(), ++seen) {
        last = std::string(products.id());
        ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                         edit.Read<v1::StoredProduct>(Family::kProducts, last));
        if (!before) return absl::DataLossError(absl::StrCat("products/", last, ": in the index, but gone"));
        v1::StoredProduct after = *before;
        if (!body(*before, after)) continue;
        if (after.image().state() != state) *after.mutable_updated_at() = edit.now();
        edit.PutProduct(before, after);
      }
      more = products.Valid();
      return products.status();
    };
    RETURN_IF_ERROR(Write(change));
  }
  return absl::OkStatus();
}

}  // namespace mannequin
