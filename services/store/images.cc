// Pictures: put, get, and what a real image changes.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "rocksdb/snapshot.h"
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
                                                       int side, const rocksdb::ReadOptions& options) {
  store::PrefixCursor renditions(db, Family::kRenditions, image_key, options);
  renditions.Seek(store::RenditionKey("", std::min(side, 0xffff)));
  RETURN_IF_ERROR(renditions.status());
  if (!renditions.Valid()) return std::optional<v1::Image>();
  const std::string key = absl::StrCat(image_key, renditions.id());
  ASSIGN_OR_RETURN(std::optional<v1::Rendition> rendition, db.Read<v1::Rendition>(Family::kRenditions, key, options));
  if (!rendition) return std::optional<v1::Image>();
  v1::Image image;
  image.set_data(std::move(*rendition->mutable_data()));
  image.set_media_type("image/jpeg");
  image.set_width(rendition->width());
  image.set_height(rendition->height());
  return std::optional<v1::Image>(std::move(image));
}

// The product has a real image now: whatever its placeholder was, nobody is shown it, or asked
// about it, any more.
absl::Status RetirePlaceholder(const std::string& product_id, store::Edit& edit) {
  ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> placeholder,
                   edit.Read<v1::Placeholder>(Family::kPlaceholders, product_id));
  if (!placeholder || placeholder->state() == v1::PLACEHOLDER_STATE_RETIRED) return absl::OkStatus();
  RETURN_IF_ERROR(edit.DropImage(placeholder->badged_image_sha256()));
  v1::Placeholder retired = *placeholder;
  retired.clear_badged_image_sha256();
  retired.set_state(v1::PLACEHOLDER_STATE_RETIRED);
  edit.PutPlaceholder(placeholder, std::move(retired));
  return absl::OkStatus();
}

// What stands for a product.
struct Shown {
  std::string sha256;
  bool generated = false;
};

// The product's own picture or, with `or_placeholder`, what its approved placeholder shows. An
// approved one of before there were badges has none, and shows its picture as it is.
absl::StatusOr<Shown> ShownOf(const store::Database& db, const std::string& product_id, bool or_placeholder,
                              const rocksdb::ReadOptions& options) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", product_id));
  ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                   db.Read<v1::StoredProduct>(Family::kProducts, product_id, options));
  if (!product) return absl::NotFoundError(absl::StrCat("product ", product_id, ": not in the store"));
  if (!product->image().sha256().empty()) return Shown{product->image().sha256(), false};
  const std::string state = v1::ImageState_Name(product->image().state());
  if (!or_placeholder) {
    return absl::NotFoundError(absl::StrCat("product ", product_id, ": has no image, it is ", state));
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> placeholder,
                   db.Read<v1::Placeholder>(Family::kPlaceholders, product_id, options));
  if (!placeholder || placeholder->state() != v1::PLACEHOLDER_STATE_APPROVED) {
    return absl::NotFoundError(
        absl::StrCat("product ", product_id, ": has no image, it is ", state, ", and no approved placeholder"));
  }
  const std::string& badged = placeholder->badged_image_sha256();
  return Shown{badged.empty() ? placeholder->image_sha256() : badged, true};
}

// The smallest rendition that is large enough, or the picture itself.
absl::StatusOr<v1::Image> ReadImage(const store::Database& db, const std::string& sha256, int at_least_side,
                                    const rocksdb::ReadOptions& options) {
  ASSIGN_OR_RETURN(const std::string key, store::ImageKey(sha256));
  std::optional<v1::Image> image;
  if (at_least_side > 0) {
    ASSIGN_OR_RETURN(image, ReadRendition(db, key, at_least_side, options));
  }
  if (!image) {
    ASSIGN_OR_RETURN(image, db.Read<v1::Image>(Family::kImages, key, options));
  }
  if (!image) return absl::NotFoundError(absl::StrCat("image ", sha256, ": not in the store"));
  image->set_sha256(sha256);
  return *std::move(image);
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
  return RetirePlaceholder(before.product().id(), edit);
}

absl::StatusOr<v1::GetImageResponse> RocksStore::GetImage(const v1::GetImageRequest& request) {
  rocksdb::ReadOptions options;
  std::optional<rocksdb::ManagedSnapshot> snapshot;
  Shown shown{request.sha256(), false};
  switch (request.which_case()) {
    case v1::GetImageRequest::kProductId: {
      // A placeholder that is withdrawn meanwhile takes its picture along.
      if (request.or_placeholder()) options.snapshot = snapshot.emplace(&db_->rocks()).snapshot();
      ASSIGN_OR_RETURN(shown, ShownOf(*db_, request.product_id(), request.or_placeholder(), options));
      break;
    }
    case v1::GetImageRequest::kSha256:
      break;
    case v1::GetImageRequest::WHICH_NOT_SET:
      return absl::InvalidArgumentError("which: give product_id or sha256");
  }
  v1::GetImageResponse response;
  ASSIGN_OR_RETURN(*response.mutable_image(), ReadImage(*db_, shown.sha256, request.at_least_side(), options));
  response.set_generated(shown.generated);
  return response;
}

}  // namespace mannequin
