// Pictures: put, get, and what a real image changes.
#include <algorithm>
#include <optional>
#include <utility>

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

// The smallest rendition with at least that side.
absl::StatusOr<std::optional<v1::Image>> ReadRendition(const store::Database& db, const std::string& image_key,
                                                       int side) {
  store::PrefixCursor renditions(db, Family::kRenditions, image_key);
  renditions.Seek(store::RenditionKey("", std::min(side, 0xffff)));
  RETURN_IF_ERROR(renditions.status());
  if (!renditions.Valid()) return std::optional<v1::Image>();
  const std::string key = absl::StrCat(image_key, renditions.id());
  ASSIGN_OR_RETURN(std::optional<v1::Rendition> rendition, db.Read<v1::Rendition>(Family::kRenditions, key));
  if (!rendition) return std::optional<v1::Image>();
  v1::Image image;
  image.set_data(std::move(*rendition->mutable_data()));
  image.set_media_type("image/jpeg");
  image.set_width(rendition->width());
  image.set_height(rendition->height());
  return std::optional<v1::Image>(std::move(image));
}

}  // namespace

absl::StatusOr<v1::PutImageResponse> RocksStore::PutImage(const v1::PutImageRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(const std::string sha256, store::CheckImage("image.", request.image()));
  RETURN_IF_ERROR(store::CheckRenditions("renditions", request.renditions()));
  v1::PutImageResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                     edit.Read<v1::StoredProduct>(Family::kProducts, request.product_id()));
    if (!before) return absl::NotFoundError(absl::StrCat("product ", request.product_id(), ": not in the store"));
    leases_->Release(request.product_id());
    v1::StoredProduct& after = *response.mutable_product();
    RETURN_IF_ERROR(StoreImage(*before, request.image(), sha256, request.renditions(), edit, after));
    edit.PutProduct(before, after);
    return absl::OkStatus();
  }));
  return response;
}

absl::Status RocksStore::StoreImage(const v1::StoredProduct& before, const v1::Image& image, const std::string& sha256,
                                    const Renditions& renditions, store::Edit& edit, v1::StoredProduct& after) {
  const std::string& id = before.product().id();
  const google::protobuf::Timestamp& now = edit.now();
  // The new reference first: the same picture again must not lose its last one between.
  RETURN_IF_ERROR(edit.AddImage(image, sha256, renditions));
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
  if (request.at_least_side() > 0) {
    ASSIGN_OR_RETURN(std::optional<v1::Image> smaller, ReadRendition(*db_, key, request.at_least_side()));
    if (smaller) {
      v1::GetImageResponse response;
      *response.mutable_image() = *std::move(smaller);
      response.mutable_image()->set_sha256(sha256);
      return response;
    }
  }
  ASSIGN_OR_RETURN(std::optional<v1::Image> image, db_->Read<v1::Image>(Family::kImages, key));
  if (!image) return absl::NotFoundError(absl::StrCat("image ", sha256, ": not in the store"));
  v1::GetImageResponse response;
  *response.mutable_image() = *std::move(image);
  response.mutable_image()->set_sha256(sha256);
  return response;
}

}  // namespace mannequin
