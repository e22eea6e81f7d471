// Products: upsert, get, list, scan.
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/image_state.h"
#include "services/store/page_token.h"
#include "services/store/product_query.h"
#include "services/store/rocks_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

// A page ends here even when it has fewer products than asked, so that it fits a message.
constexpr std::size_t kMaxPageBytes = std::size_t{8} << 20;

// What is known of the image of a product that was just written with this URL.
v1::ImageInfo NewImageInfo(const v1::Product& product) {
  v1::ImageInfo image;
  image.set_state(store::NewImageState(product));
  return image;
}

}  // namespace

absl::StatusOr<v1::UpsertProductsResponse> RocksStore::UpsertProducts(const v1::UpsertProductsRequest& request) {
  RETURN_IF_ERROR(store::CheckUpsert(request));
  v1::UpsertProductsResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    for (const v1::Product& product : request.products()) {
      RETURN_IF_ERROR(UpsertProduct(product, edit, response));
    }
    if (request.has_checkpoint()) edit.PutIngestCheckpoint(request.checkpoint());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change));
  return response;
}

absl::Status RocksStore::UpsertProduct(const v1::Product& product, store::Edit& edit,
                                       v1::UpsertProductsResponse& counts) {
  ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> before,
                   edit.Read<v1::StoredProduct>(Family::kProducts, product.id()));
  if (before && before->product().SerializeAsString() == product.SerializeAsString()) {
    counts.set_unchanged(counts.unchanged() + 1);
    return absl::OkStatus();
  }
  v1::StoredProduct after = before.value_or(v1::StoredProduct());
  *after.mutable_product() = product;
  *after.mutable_updated_at() = edit.now();
  if (!before) {
    *after.mutable_created_at() = after.updated_at();
    *after.mutable_image() = NewImageInfo(product);
  } else if (before->product().image_url() != product.image_url()) {
    RETURN_IF_ERROR(edit.DropImage(before->image().sha256()));
    *after.mutable_image() = NewImageInfo(product);
  }
  edit.PutProduct(before, after);
  if (before) {
    counts.set_updated(counts.updated() + 1);
  } else {
    counts.set_created(counts.created() + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::GetProductResponse> RocksStore::GetProduct(const v1::GetProductRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("id", request.id()));
  ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> product,
                   db_->Read<v1::StoredProduct>(Family::kProducts, request.id()));
  if (!product) return absl::NotFoundError(absl::StrCat("product ", request.id(), ": not in the store"));
  v1::GetProductResponse response;
  *response.mutable_product() = *std::move(product);
  return response;
}

absl::StatusOr<v1::BatchGetProductsResponse> RocksStore::BatchGetProducts(const v1::BatchGetProductsRequest& request) {
  RETURN_IF_ERROR(store::CheckCount("ids", request.ids_size(), 1, 1000));
  for (const std::string& id : request.ids()) RETURN_IF_ERROR(store::CheckProductId("ids", id));
  v1::BatchGetProductsResponse response;
  for (const std::string& id : request.ids()) {
    ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> product, db_->Read<v1::StoredProduct>(Family::kProducts, id));
    if (product) {
      *response.add_products() = *std::move(product);
    } else {
      response.add_missing_ids(id);
    }
  }
  return response;
}

absl::StatusOr<v1::ListProductsResponse> RocksStore::ListProducts(const v1::ListProductsRequest& request) {
  RETURN_IF_ERROR(store::CheckFilter(request.filter()));
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  const std::string query = absl::StrCat("products", request.filter().SerializeAsString());
  ASSIGN_OR_RETURN(const std::string after, store::ParsePageToken(query, request.page_token()));
  v1::ListProductsResponse response;
  std::size_t bytes = 0;
  std::string last;
  const auto visit = [&](const v1::StoredProduct& product, absl::string_view position) {
    if (response.products_size() == page_size || bytes > kMaxPageBytes) {
      response.set_next_page_token(store::MakePageToken(query, last));
      return false;
    }
    bytes += product.ByteSizeLong();
    last = std::string(position);
    *response.add_products() = product;
    return true;
  };
  RETURN_IF_ERROR(store::VisitProducts(*db_, request.filter(), after, visit));
  return response;
}

absl::Status RocksStore::ScanProducts(const v1::ScanProductsRequest& request,
                                      const std::function<absl::Status(const v1::StoredProduct&)>& visit) {
  RETURN_IF_ERROR(store::CheckFilter(request.filter()));
  ASSIGN_OR_RETURN(const Slot slot, TakeScanSlot());
  absl::Status visited;
  const auto visit_one = [&](const v1::StoredProduct& product, absl::string_view) {
    visited = visit(product);
    return visited.ok();
  };
  RETURN_IF_ERROR(store::VisitProducts(*db_, request.filter(), "", visit_one));
  return visited;
}

}  // namespace mannequin
