// Pictures: put, get, and what a real image changes.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/record_store.h"
#include "services/store/store_image.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

// Between what a product shows and the picture itself others may write.
constexpr int kReadTries = 3;

}  // namespace

absl::StatusOr<v1::PutImageResponse> RecordStore::PutImage(const v1::PutImageRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(const std::string sha256, store::CheckImage("image.", request.image()));
  RETURN_IF_ERROR(store::CheckRenditions("renditions", request.renditions()));
  v1::PutImageResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                     edit.Read<v1::StoredProduct>(Family::kProducts, request.product_id()));
    if (!before) return absl::NotFoundError(absl::StrCat("product ", request.product_id(), ": not in the store"));
    RETURN_IF_ERROR(edit.ReleaseFetch(request.product_id(), std::nullopt));
    v1::StoredProduct& after = *response.mutable_product();
    RETURN_IF_ERROR(store::StoreImage(*before, request.image(), sha256, request.renditions(), edit, after));
    edit.PutProduct(before, after);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change, {{&request.image(), &sha256, &request.renditions()}}));
  return response;
}

// What stands for a product.
struct RecordStore::Shown {
  std::string sha256;
  bool generated = false;
};

// The product's own picture or, with `or_placeholder`, what its approved placeholder shows. An
// approved one of before there were badges has none, and shows its picture as it is.
absl::StatusOr<RecordStore::Shown> RecordStore::ShownOf(const std::string& product_id, bool or_placeholder) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", product_id));
  ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                   Read<v1::StoredProduct>(Family::kProducts, product_id));
  if (!product) return absl::NotFoundError(absl::StrCat("product ", product_id, ": not in the store"));
  if (!product->image().sha256().empty()) return Shown{product->image().sha256(), false};
  const std::string state = v1::ImageState_Name(product->image().state());
  if (!or_placeholder) {
    return absl::NotFoundError(absl::StrCat("product ", product_id, ": has no image, it is ", state));
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> placeholder,
                   Read<v1::Placeholder>(Family::kPlaceholders, product_id));
  if (!placeholder || placeholder->state() != v1::PLACEHOLDER_STATE_APPROVED) {
    return absl::NotFoundError(
        absl::StrCat("product ", product_id, ": has no image, it is ", state, ", and no approved placeholder"));
  }
  const std::string& badged = placeholder->badged_image_sha256();
  return Shown{badged.empty() ? placeholder->image_sha256() : badged, true};
}

absl::StatusOr<v1::GetImageResponse> RecordStore::GetImage(const v1::GetImageRequest& request) {
  if (request.which_case() == v1::GetImageRequest::WHICH_NOT_SET) {
    return absl::InvalidArgumentError("which: give product_id or sha256");
  }
  v1::GetImageResponse response;
  Shown shown{request.sha256(), false};
  for (int tries = 0; tries < kReadTries; ++tries) {
    if (request.has_product_id()) {
      ASSIGN_OR_RETURN(shown, ShownOf(request.product_id(), request.or_placeholder()));
    }
    RETURN_IF_ERROR(store::ImageKey(shown.sha256).status());
    ASSIGN_OR_RETURN(std::optional<v1::Image> image, ReadImage(shown.sha256, request.at_least_side()));
    if (image) {
      *response.mutable_image() = *std::move(image);
      response.mutable_image()->set_sha256(shown.sha256);
      response.set_generated(shown.generated);
      return response;
    }
    // A picture that is replaced or withdrawn meanwhile goes with its last reference.
    if (!request.has_product_id()) break;
  }
  return absl::NotFoundError(absl::StrCat("image ", shown.sha256, ": not in the store"));
}

}  // namespace mannequin
