// What becomes of products whose image is PENDING or to be refreshed. Leasing them is the engine's.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/image_state.h"
#include "services/store/record_store.h"
#include "services/store/store_image.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

constexpr std::size_t kMaxResultBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxFailureMessage = 1024;
constexpr std::size_t kMaxValidator = 1024;
constexpr std::size_t kChangeBatch = 1000;

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

}  // namespace

absl::StatusOr<v1::CompleteFetchesResponse> RecordStore::CompleteFetches(const v1::CompleteFetchesRequest& request) {
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
  std::vector<std::string> ids;
  std::vector<store::NewPicture> pictures;
  for (int i = 0; i < request.results_size(); ++i) {
    const v1::FetchResult& result = request.results(i);
    ids.push_back(result.product_id());
    if (result.has_image()) pictures.push_back({&result.image(), &hashes[i], &result.renditions()});
  }
  v1::CompleteFetchesResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    response.Clear();
    RETURN_IF_ERROR(edit.Prefetch(Family::kProducts, ids));
    if (!pictures.empty()) RETURN_IF_ERROR(edit.Prefetch(Family::kPlaceholders, ids));
    for (int i = 0; i < request.results_size(); ++i) {
      const v1::FetchResult& result = request.results(i);
      ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> before,
                       edit.Read<v1::StoredProduct>(Family::kProducts, result.product_id()));
      if (!before || !store::IsToBeFetched(before->image()) || before->product().image_url() != result.url()) {
        RETURN_IF_ERROR(edit.ReleaseFetch(result.product_id(), request.worker()));
        response.set_dropped(response.dropped() + 1);
        response.add_dropped_results(i);
        continue;
      }
      const bool given_back = result.has_failure() && result.failure().retry();
      RETURN_IF_ERROR(
          edit.ReleaseFetch(result.product_id(), given_back ? std::optional(request.worker()) : std::nullopt));
      v1::StoredProduct after = *before;
      if (result.has_image()) {
        RETURN_IF_ERROR(store::StoreImage(*before, result.image(), hashes[i], result.renditions(), edit, after));
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
  RETURN_IF_ERROR(Write(change, pictures));
  return response;
}

absl::StatusOr<v1::RetryFetchesResponse> RecordStore::RetryFetches(const v1::RetryFetchesRequest& request) {
  if (!v1::FetchFailure_IsValid(request.failure())) {
    return absl::InvalidArgumentError("failure: is not one of FetchFailure");
  }
  // What shows no product is MISSING and not FAILED, among those that name no image.
  const v1::ImageState state =
      request.failure() == v1::FETCH_FAILURE_NOT_AVAILABLE ? v1::IMAGE_STATE_MISSING : v1::IMAGE_STATE_FAILED;
  const auto retry = [&](const v1::StoredProduct& before, v1::StoredProduct& after) {
    if (request.failure() != v1::FETCH_FAILURE_UNSPECIFIED && before.image().failure() != request.failure()) {
      return false;
    }
    after.mutable_image()->Clear();
    after.mutable_image()->set_state(v1::IMAGE_STATE_PENDING);
    return true;
  };
  v1::RetryFetchesResponse response;
  std::int64_t changed = 0;
  RETURN_IF_ERROR(ChangeAll(state, retry, changed));
  response.set_products(changed);
  return response;
}

absl::StatusOr<v1::RefreshFetchesResponse> RecordStore::RefreshFetches(const v1::RefreshFetchesRequest& request) {
  const absl::Time before_time =
      request.has_fetched_before() ? store::FromProto(request.fetched_before()) : absl::InfiniteFuture();
  const auto refresh = [&](const v1::StoredProduct& before, v1::StoredProduct& after) {
    // A picture that was put, and not fetched, has no source to be compared with.
    const v1::ImageInfo& image = before.image();
    if (image.refresh() || image.source_sha256().empty() || before.product().image_url().empty() ||
        store::FromProto(image.fetched_at()) >= before_time) {
      return false;
    }
    after.mutable_image()->set_refresh(true);
    after.mutable_image()->set_attempts(0);
    return true;
  };
  v1::RefreshFetchesResponse response;
  std::int64_t changed = 0;
  RETURN_IF_ERROR(ChangeAll(v1::IMAGE_STATE_STORED, refresh, changed));
  response.set_products(changed);
  return response;
}

absl::Status RecordStore::ChangeAll(
    v1::ImageState state, const std::function<bool(const v1::StoredProduct& before, v1::StoredProduct& after)>& body,
    std::int64_t& changed) {
  v1::ProductFilter filter;
  filter.set_image_state(state);
  std::string last;
  // Batches bound the memory and let other writers in.
  for (bool more = true; more;) {
    std::vector<std::string> ids;
    RETURN_IF_ERROR(VisitProducts(filter, last, /*whole=*/false, [&](const v1::StoredProduct& product, auto) {
      more = ids.size() == kChangeBatch;
      if (!more) ids.push_back(product.product().id());
      return !more;
    }));
    if (ids.size() < kChangeBatch) more = false;
    if (ids.empty()) break;
    last = ids.back();
    std::int64_t batch = 0;
    RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
      batch = 0;
      RETURN_IF_ERROR(edit.Prefetch(Family::kProducts, ids));
      for (const std::string& id : ids) {
        ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                         edit.Read<v1::StoredProduct>(Family::kProducts, id));
        // Others may have changed it since it was found.
        if (!before || before->image().state() != state) continue;
        v1::StoredProduct after = *before;
        if (!body(*before, after)) continue;
        if (after.image().state() != state) *after.mutable_updated_at() = edit.now();
        edit.PutProduct(before, after);
        ++batch;
      }
      return absl::OkStatus();
    }));
    changed += batch;
  }
  return absl::OkStatus();
}

}  // namespace mannequin
