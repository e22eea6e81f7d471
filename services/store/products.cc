// Products: upsert, get, list, scan.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/image_state.h"
#include "services/store/page_token.h"
#include "services/store/record_store.h"
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

absl::StatusOr<v1::UpsertProductsResponse> RecordStore::UpsertProducts(const v1::UpsertProductsRequest& request) {
  RETURN_IF_ERROR(store::CheckUpsert(request));
  return Upsert(request);
}

absl::StatusOr<v1::UpsertProductsResponse> RecordStore::Upsert(const v1::UpsertProductsRequest& request) {
  v1::UpsertProductsResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    response.Clear();
    std::vector<std::string> ids;
    for (const v1::Product& product : request.products()) ids.push_back(product.id());
    RETURN_IF_ERROR(edit.Prefetch(Family::kProducts, std::move(ids)));
    for (const v1::Product& product : request.products()) {
      RETURN_IF_ERROR(UpsertProduct(product, edit, response));
    }
    return request.has_checkpoint() ? edit.PutIngestCheckpoint(request.checkpoint()) : absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change));
  return response;
}

absl::Status RecordStore::UpsertProduct(const v1::Product& product, store::Edit& edit,
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

absl::StatusOr<v1::GetProductResponse> RecordStore::GetProduct(const v1::GetProductRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("id", request.id()));
  ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> product, Read<v1::StoredProduct>(Family::kProducts, request.id()));
  if (!product) return absl::NotFoundError(absl::StrCat("product ", request.id(), ": not in the store"));
  v1::GetProductResponse response;
  *response.mutable_product() = *std::move(product);
  return response;
}

absl::StatusOr<v1::BatchGetProductsResponse> RecordStore::BatchGetProducts(const v1::BatchGetProductsRequest& request) {
  RETURN_IF_ERROR(store::CheckCount("ids", request.ids_size(), 1, 1000));
  for (const std::string& id : request.ids()) RETURN_IF_ERROR(store::CheckProductId("ids", id));
  const std::vector<std::string> ids(request.ids().begin(), request.ids().end());
  ASSIGN_OR_RETURN(const std::vector<std::optional<std::string>> records, GetMany(Family::kProducts, ids));
  v1::BatchGetProductsResponse response;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (records[i]) {
      ASSIGN_OR_RETURN(*response.add_products(),
                       store::Decode<v1::StoredProduct>(Family::kProducts, ids[i], *records[i]));
    } else {
      response.add_missing_ids(ids[i]);
    }
  }
  return response;
}

absl::StatusOr<v1::ListProductsResponse> RecordStore::ListProducts(const v1::ListProductsRequest& request) {
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
  RETURN_IF_ERROR(VisitProducts(request.filter(), after, /*whole=*/false, visit));
  return response;
}

absl::Status RecordStore::ScanProducts(const v1::ScanProductsRequest& request,
                                       const std::function<absl::Status(const v1::StoredProduct&)>& visit) {
  RETURN_IF_ERROR(store::CheckFilter(request.filter()));
  ASSIGN_OR_RETURN(const Slot slot, TakeScanSlot());
  absl::Status visited;
  const auto visit_one = [&](const v1::StoredProduct& product, absl::string_view) {
    visited = visit(product);
    return visited.ok();
  };
  RETURN_IF_ERROR(VisitProducts(request.filter(), "", /*whole=*/true, visit_one));
  return visited;
}

absl::StatusOr<v1::GetIngestCheckpointResponse> RecordStore::GetIngestCheckpoint(
    const v1::GetIngestCheckpointRequest& request) {
  RETURN_IF_ERROR(store::CheckText("source", request.source(), 1, 256));
  ASSIGN_OR_RETURN(std::optional<v1::IngestCheckpoint> checkpoint, ReadIngestCheckpoint(request.source()));
  if (!checkpoint) return absl::NotFoundError(absl::StrCat("ingest of ", request.source(), ": none is under way"));
  v1::GetIngestCheckpointResponse response;
  *response.mutable_checkpoint() = *std::move(checkpoint);
  return response;
}

}  // namespace mannequin
