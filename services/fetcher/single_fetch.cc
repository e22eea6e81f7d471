#include "services/fetcher/single_fetch.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/sha256.h"
#include "common/base/steady.h"
#include "services/fetcher/metrics.h"

namespace mannequin {
namespace {

absl::Status ToStatus(v1::FetchFailure failure, const std::string& message) {
  const std::string text = absl::StrCat(fetcher_metrics::OutcomeName(failure), ": ", message);
  switch (failure) {
    case v1::FETCH_FAILURE_INVALID_URL:
      return absl::InvalidArgumentError(text);
    case v1::FETCH_FAILURE_FORBIDDEN_ADDRESS:
      return absl::PermissionDeniedError(text);
    case v1::FETCH_FAILURE_NOT_FOUND:
      return absl::NotFoundError(text);
    case v1::FETCH_FAILURE_NOT_AN_IMAGE:
    case v1::FETCH_FAILURE_EMPTY_BODY:
    case v1::FETCH_FAILURE_TOO_LARGE:
    case v1::FETCH_FAILURE_NOT_AVAILABLE:
      return absl::FailedPreconditionError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace

absl::StatusOr<v1::Image> FetchOne(TransferEngine& engine, const std::string& url, const ImageCheckOptions& check,
                                   absl::Duration timeout) {
  struct Wait {
    TransferResult result;
    absl::Notification ended;
  };
  auto wait = std::make_shared<Wait>();
  std::vector<TransferRequest> requests(1);
  requests[0].url = url;
  requests[0].timeout = timeout;
  requests[0].polite = false;
  requests[0].start_by = SteadyNow() + timeout;
  requests[0].done = [wait](TransferResult result) {
    wait->result = std::move(result);
    wait->ended.Notify();
  };
  engine.Submit(std::move(requests));
  wait->ended.WaitForNotification();

  TransferResult& result = wait->result;
  if (result.failure != v1::FETCH_FAILURE_UNSPECIFIED) return ToStatus(result.failure, result.message);
  const auto bytes = static_cast<std::int64_t>(result.body.size());
  const absl::Cleanup release = [&] { engine.Release(bytes); };
  ImageCheck checked = CheckImage(std::move(result.body), check);
  if (checked.failure != v1::FETCH_FAILURE_UNSPECIFIED) return ToStatus(checked.failure, checked.message);
  v1::Image image;
  image.set_sha256(Sha256Hex(checked.picture.data));
  image.set_data(std::move(checked.picture.data));
  image.set_media_type(checked.picture.media_type);
  image.set_width(checked.picture.width);
  image.set_height(checked.picture.height);
  return image;
}

}  // namespace mannequin
