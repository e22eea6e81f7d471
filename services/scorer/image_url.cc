#include "services/scorer/image_url.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/steady.h"
#include "common/rpc/channel.h"
#include "common/store/product_bounds.h"
#include "grpcpp/client_context.h"

namespace mannequin {
namespace {

// Of a caller that named no deadline; the fetcher itself ends a fetch after half a minute.
constexpr absl::Duration kLongest = absl::Seconds(40);

}  // namespace

absl::StatusOr<v1::Image> FetchImageUrl(const NeighbourService<v1::ImageFetcher>& fetcher, const std::string& url,
                                        absl::Time deadline) {
  if (url.size() > kMaxImageUrlBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_url: ", url.size(), " bytes are over the bound of ", kMaxImageUrlBytes));
  }
  if (!absl::StartsWithIgnoreCase(url, "http://") && !absl::StartsWithIgnoreCase(url, "https://")) {
    return absl::InvalidArgumentError(absl::StrCat("image_url: \"", url, "\" does not begin with http:// or https://"));
  }
  const std::shared_ptr<v1::ImageFetcher::StubInterface> stub = fetcher.stub();
  if (stub == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("image_url: ", fetcher.None(), ", or send the picture itself in `image`"));
  }
  const absl::Status away = absl::UnavailableError(absl::StrCat("image_url: ", fetcher.Away()));
  if (fetcher.IsAway()) return away;
  grpc::ClientContext context;
  rpc::SetDeadline(context, std::min(deadline - SteadyNow(), kLongest));
  v1::FetchImageRequest request;
  request.set_url(url);
  v1::FetchImageResponse response;
  const grpc::Status status = stub->FetchImage(&context, request, &response);
  if (status.ok()) return std::move(*response.mutable_image());
  // Else the words are the fetcher's, of the origin.
  const bool silent = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  if (silent && fetcher.IsAway()) return away;
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("image_url: ", status.error_message()));
}

}  // namespace mannequin
