// Pictures: put, get, and what a real image changes.
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/fetch_leases.h"
#include "services/store/rocks_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::PutImageResponse> RocksStore::PutImage(const v1::PutImageRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(const std::string sha256, store::CheckImage("image.", request.image()));
  v1::PutImageResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                     edit.Read<v1::StoredProduct>(Family::kProducts, request.product_id()));
    if (!before) return absl::NotFoundError(absl::StrCat("product ", request.product_id(), ": not in the store"));
    leases_->Release(request.product_id());
    return StoreImage(*before, request.image(), sha256, edit, *response.mutable_product());
  }));
  return response;
}

absl::Status RocksStore::StoreImage(const v1::StoredProduct& before, const v1::Image& image, const std::string& sha256,
                                    store::Edit& edit, v1::StoredProduct& after) {
  const std::string& id = before.product().id();
  const google::protobuf::Timestamp& now = edit.now();
  // The new reference first: the same picture again must not lose its last one between.
  RETURN_IF_ERROR(edit.AddImage(image, sha256));
  RETURN_IF_ERROR(edit.DropImage(before.image().sha256()));
  after = before;
  v1::ImageInfo& info = *after.mutable_image();
  info.Clear();
  info.set_state(v1::IMAGE_STATE_STORED);
  info.set_sha256(sha256);
  info.set_width(image.width());
  info.set_height(image.height());
  info.set_size_bytes(static_cast<std::int64_t>(image.data().size()));
  info.set_media_type(image.media_type());
  info.set_attempts(before.image().attempts());
  *info.mutable_fetched_at() = now;
  *after.mutable_updated_at() = now;
  edit.PutProduct(before, after);

  ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> placeholder,
                   edit.Read<v1::Placeholder>(Family::kPlaceholders, id));
  if (!placeholder || (placeholder->state() != v1::PLACEHOLDER_STATE_PROPOSED &&
                       placeholder->state() != v1::PLACEHOLDER_STATE_APPROVED)) {
    return absl::OkStatus();
  }
  v1::Placeholder retired = *placeholder;
  retired.set_state(v1::PLACEHOLDER_STATE_RETIRED);
  *retired.mutable_updated_at() = now;
  edit.PutPlaceholder(placeholder, retired);
  return absl::OkStatus();
}

absl::StatusOr<v1::GetImageResponse> RocksStore::GetImage(const v1::GetImageRequest& request) {
  std::string sha256 = request.sha256();
  switch (request.which_case()) {
    case v1::GetImageRequest::kProductId: {
      v1::GetProductRequest product;
      product.set_id(request.product_id());
      ASSIGN_OR_RETURN(const v1::GetProductResponse found, GetProduct(product));
      sha256 = found.product().image().sha256();
      if (sha256.empty()) {
        return absl::NotFoundError(absl::StrCat("product ", request.product_id(), ": has no image, it is ",
                                                v1::ImageState_Name(found.product().image().state())));
      }
      break;
    }
    case v1::GetImageRequest::kSha256:
      break;
    case v1::GetImageRequest::WHICH_NOT_SET:
      return absl::InvalidArgumentError("which: give product_id or sha256");
  }
  ASSIGN_OR_RETURN(const std::string key, store::ImageKey(sha256));
  ASSIGN_OR_RETURN(std::optional<v1::Image> image, db_->Read<v1::Image>(Family::kImages, key));
  if (!image) return absl::NotFoundError(absl::StrCat("image ", sha256, ": not in the store"));
  v1::GetImageResponse response;
  *response.mutable_image() = *std::move(image);
  response.mutable_image()->set_sha256(sha256);
  return response;
}

}  // namespace mannequin
