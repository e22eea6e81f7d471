// The crawl's queue: products whose image is PENDING.
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/fetch_leases.h"
#include "services/store/prefix_cursor.h"
#include "services/store/rocks_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

constexpr std::size_t kMaxResultBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxFailureMessage = 1024;
constexpr int kRetryBatch = 1000;

absl::Status CheckResult(const std::string& where, const v1::FetchResult& result, std::string& sha256) {
  RETURN_IF_ERROR(store::CheckProductId(absl::StrCat(where, "product_id"), result.product_id()));
  RETURN_IF_ERROR(store::CheckText(absl::StrCat(where, "url"), result.url(), 0, 2048));
  switch (result.outcome_case()) {
    case v1::FetchResult::kImage: {
      ASSIGN_OR_RETURN(sha256, store::CheckImage(absl::StrCat(where, "image."), result.image()));
      return absl::OkStatus();
    }
    case v1::FetchResult::kFailure:
      if (result.failure().reason() != v1::FETCH_FAILURE_UNSPECIFIED &&
          v1::FetchFailure_IsValid(result.failure().reason())) {
        return absl::OkStatus();
      }
      return absl::InvalidArgumentError(absl::StrCat(where, "failure.reason: is not one of FetchFailure"));
    case v1::FetchResult::OUTCOME_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(where, "outcome: give image or failure"));
}

v1::StoredProduct WithFailure(const v1::StoredProduct& before, const v1::FetchResult::Failure& failure,
                              const google::protobuf::Timestamp& now) {
  v1::StoredProduct after = before;
  v1::ImageInfo& image = *after.mutable_image();
  image.set_failure_message(store::CleanText(failure.message(), kMaxFailureMessage));
  if (!failure.retry()) {
    image.set_state(v1::IMAGE_STATE_FAILED);
    image.set_failure(failure.reason());
  }
  *after.mutable_updated_at() = now;
  return after;
}

}  // namespace

absl::StatusOr<v1::LeaseFetchesResponse> RocksStore::LeaseFetches(const v1::LeaseFetchesRequest& request) {
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  RETURN_IF_ERROR(store::CheckCount("max_products", request.max_products(), 1, 10'000));
  ASSIGN_OR_RETURN(const absl::Duration lease, store::LeaseDuration(request.lease()));
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  leases_->Expire(now);
  v1::LeaseFetchesResponse response;
  store::PrefixCursor pending(*db_, store::ImageStatePrefix(v1::IMAGE_STATE_PENDING));
  // On from where the last call ended, then once around: the entries that finished
  // fetches have deleted lie behind, and are not walked over call after call.
  const std::string start = lease_cursor_;
  const auto take_up_to = [&](absl::string_view end) -> absl::Status {
    for (; pending.Valid() && response.tasks_size() < request.max_products(); pending.Next()) {
      const std::string id(pending.id());
      if (!end.empty() && id > end) break;
      if (leases_->Held(id)) continue;
      ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                       db_->Read<v1::StoredProduct>(Family::kProducts, id));
      if (!product) return absl::DataLossError(absl::StrCat("products/", id, ": in the index, but gone"));
      v1::FetchTask& task = *response.add_tasks();
      task.set_product_id(id);
      task.set_url(product->product().image_url());
      task.set_attempts(product->image().attempts());
    }
    return pending.status();
  };
  pending.SeekAfter(start);
  RETURN_IF_ERROR(take_up_to(""));
  if (!start.empty() && response.tasks_size() < request.max_products()) {
    pending.SeekAfter("");
    RETURN_IF_ERROR(take_up_to(start));
  }
  for (const v1::FetchTask& task : response.tasks()) leases_->Take(task.product_id(), request.worker(), now + lease);
  if (!response.tasks().empty()) lease_cursor_ = response.tasks().rbegin()->product_id();
  response.set_leased_by_others(leases_->HeldByOthers(request.worker()));
  return response;
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
      if (!before || before->image().state() != v1::IMAGE_STATE_PENDING ||
          before->product().image_url() != result.url()) {
        leases_->ReleaseIfHeldBy(result.product_id(), request.worker());
        response.set_dropped(response.dropped() + 1);
        continue;
      }
      const v1::StoredProduct stored = *before;
      before->mutable_image()->set_attempts(stored.image().attempts() + 1);
      if (result.has_image()) {
        leases_->Release(result.product_id());
        v1::StoredProduct after;
        RETURN_IF_ERROR(StoreImage(*before, result.image(), hashes[i], edit, after));
        response.set_stored(response.stored() + 1);
        continue;
      }
      edit.PutProduct(stored, WithFailure(*before, result.failure(), edit.now()));
      if (result.failure().retry()) {
        leases_->ReleaseIfHeldBy(result.product_id(), request.worker());
      } else {
        leases_->Release(result.product_id());
        response.set_failed(response.failed() + 1);
      }
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
  v1::RetryFetchesResponse response;
  std::string after;
  // Batches bound the memory and let other writers in.
  for (bool more = true; more;) {
    const auto change = [&](store::Edit& edit) -> absl::Status {
      store::PrefixCursor failed(*db_, store::ImageStatePrefix(v1::IMAGE_STATE_FAILED));
      int seen = 0;
      for (failed.SeekAfter(after); failed.Valid() && seen < kRetryBatch; failed.Next(), ++seen) {
        after = std::string(failed.id());
        ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                         edit.Read<v1::StoredProduct>(Family::kProducts, after));
        if (!before) return absl::DataLossError(absl::StrCat("products/", after, ": in the index, but gone"));
        if (request.failure() != v1::FETCH_FAILURE_UNSPECIFIED && before->image().failure() != request.failure()) {
          continue;
        }
        v1::StoredProduct pending = *before;
        pending.mutable_image()->Clear();
        pending.mutable_image()->set_state(v1::IMAGE_STATE_PENDING);
        *pending.mutable_updated_at() = edit.now();
        edit.PutProduct(before, pending);
        response.set_products(response.products() + 1);
      }
      more = failed.Valid();
      return failed.status();
    };
    RETURN_IF_ERROR(Write(change));
  }
  return response;
}

}  // namespace mannequin
