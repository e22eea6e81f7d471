#include "services/console/pictures.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "grpcpp/client_context.h"
#include "mannequin/v1/placeholder.pb.h"
#include "mannequin/v1/product_store.grpc.pb.h"

namespace mannequin {
namespace {

absl::StatusOr<v1::Image> GetImage(const std::shared_ptr<grpc::Channel>& store, const v1::GetImageRequest& request,
                                   absl::Time deadline) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::GetImageResponse response;
  RETURN_IF_ERROR(rpc::FromGrpc(v1::ProductStore::NewStub(store)->GetImage(&context, request, &response)));
  return std::move(*response.mutable_image());
}

absl::StatusOr<v1::Placeholder> GetPlaceholder(const std::shared_ptr<grpc::Channel>& store,
                                               const std::string& product_id, absl::Time deadline) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::GetPlaceholderRequest request;
  request.set_product_id(product_id);
  v1::GetPlaceholderResponse response;
  RETURN_IF_ERROR(rpc::FromGrpc(v1::ProductStore::NewStub(store)->GetPlaceholder(&context, request, &response)));
  return std::move(*response.mutable_placeholder());
}

absl::StatusOr<Picture> Generated(const std::shared_ptr<grpc::Channel>& store, const v1::Placeholder& placeholder,
                                  absl::Time deadline) {
  v1::GetImageRequest request;
  request.set_sha256(placeholder.image_sha256());
  ASSIGN_OR_RETURN(v1::Image image, GetImage(store, request, deadline));
  return Picture{std::move(image), true};
}

}  // namespace

absl::StatusOr<Picture> Pictures::OfProduct(const std::string& product_id, int at_least_side,
                                            absl::Time deadline) const {
  v1::GetImageRequest request;
  request.set_product_id(product_id);
  request.set_at_least_side(at_least_side);
  absl::StatusOr<v1::Image> own = GetImage(store_, request, deadline);
  if (own.ok()) return Picture{*std::move(own), false};
  if (!absl::IsNotFound(own.status())) return own.status();
  ASSIGN_OR_RETURN(const v1::Placeholder placeholder, GetPlaceholder(store_, product_id, deadline));
  if (placeholder.state() != v1::PLACEHOLDER_STATE_APPROVED) {
    return absl::NotFoundError(absl::StrCat("product \"", product_id, "\" has no image and no approved placeholder"));
  }
  return Generated(store_, placeholder, deadline);
}

absl::StatusOr<Picture> Pictures::OfPlaceholder(const std::string& product_id, absl::Time deadline) const {
  ASSIGN_OR_RETURN(const v1::Placeholder placeholder, GetPlaceholder(store_, product_id, deadline));
  return Generated(store_, placeholder, deadline);
}

}  // namespace mannequin
