#include "services/console/pictures.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "grpcpp/client_context.h"
#include "mannequin/v1/product_store.grpc.pb.h"

namespace mannequin {
namespace {

absl::StatusOr<Picture> GetImage(const std::shared_ptr<grpc::Channel>& store, const v1::GetImageRequest& request,
                                 const CallTerms& terms) {
  grpc::ClientContext context;
  SetTerms(terms, context);
  v1::GetImageResponse response;
  RETURN_IF_ERROR(rpc::FromGrpc(v1::ProductStore::NewStub(store)->GetImage(&context, request, &response)));
  return Picture{std::move(*response.mutable_image()), response.generated()};
}

}  // namespace

absl::StatusOr<Picture> Pictures::OfProduct(const std::string& product_id, int at_least_side,
                                            const CallTerms& terms) const {
  v1::GetImageRequest request;
  request.set_product_id(product_id);
  request.set_at_least_side(at_least_side);
  request.set_or_placeholder(true);
  return GetImage(store_, request, terms);
}

absl::StatusOr<Picture> Pictures::OfPlaceholder(const std::string& product_id, const CallTerms& terms) const {
  grpc::ClientContext context;
  SetTerms(terms, context);
  v1::GetPlaceholderRequest get;
  get.set_product_id(product_id);
  v1::GetPlaceholderResponse found;
  RETURN_IF_ERROR(rpc::FromGrpc(v1::ProductStore::NewStub(store_)->GetPlaceholder(&context, get, &found)));
  v1::GetImageRequest request;
  request.set_sha256(found.placeholder().image_sha256());
  ASSIGN_OR_RETURN(Picture picture, GetImage(store_, request, terms));
  picture.generated = true;
  return picture;
}

}  // namespace mannequin
