// Generated images offered for products without one.
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/page_token.h"
#include "services/store/record_query.h"
#include "services/store/rocks_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

absl::Status CheckPlaceholder(const v1::Placeholder& placeholder) {
  RETURN_IF_ERROR(store::CheckProductId("placeholder.product_id", placeholder.product_id()));
  if (placeholder.state() == v1::PLACEHOLDER_STATE_UNSPECIFIED || !v1::PlaceholderState_IsValid(placeholder.state())) {
    return absl::InvalidArgumentError("placeholder.state: is not one of PlaceholderState");
  }
  RETURN_IF_ERROR(store::CheckShare("placeholder.confidence", placeholder.confidence()));
  RETURN_IF_ERROR(store::CheckText("placeholder.bundle_version", placeholder.bundle_version(), 0, 256));
  return store::CheckText("placeholder.rejection_reason", placeholder.rejection_reason(), 0, 4096);
}

bool IsOffered(v1::PlaceholderState state) {
  return state == v1::PLACEHOLDER_STATE_PROPOSED || state == v1::PLACEHOLDER_STATE_APPROVED;
}

// A new picture comes in, or the one the record names is the one it had.
absl::Status PutPicture(const v1::PutPlaceholderRequest& request, const std::optional<v1::Placeholder>& before,
                        const std::string& sha256, store::Edit& edit, v1::Placeholder& after) {
  const std::string kept = before ? before->image_sha256() : "";
  if (request.has_image()) {
    if (!after.image_sha256().empty() && after.image_sha256() != sha256) {
      return absl::InvalidArgumentError(
          absl::StrCat("placeholder.image_sha256: not that of the image, which is ", sha256));
    }
    RETURN_IF_ERROR(edit.AddImage(request.image(), sha256));
    RETURN_IF_ERROR(edit.DropImage(kept));
    after.set_image_sha256(sha256);
  } else if (after.image_sha256().empty()) {
    after.set_image_sha256(kept);
  }
  if (after.image_sha256().empty()) {
    return absl::InvalidArgumentError("image: is missing, and the placeholder has no picture yet");
  }
  if (!request.has_image() && after.image_sha256() != kept) {
    return absl::InvalidArgumentError("placeholder.image_sha256: is a new picture; send it as image");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PutPlaceholderResponse> RocksStore::PutPlaceholder(const v1::PutPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckPlaceholder(request.placeholder()));
  if (!v1::PlaceholderState_IsValid(request.expected_state())) {
    return absl::InvalidArgumentError("expected_state: is not one of PlaceholderState");
  }
  std::string sha256;
  if (request.has_image()) {
    ASSIGN_OR_RETURN(sha256, store::CheckImage("image.", request.image()));
  }
  const std::string& id = request.placeholder().product_id();
  v1::PutPlaceholderResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                     edit.Read<v1::StoredProduct>(Family::kProducts, id));
    if (!product) return absl::NotFoundError(absl::StrCat("product ", id, ": not in the store"));
    ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> before,
                     edit.Read<v1::Placeholder>(Family::kPlaceholders, id));
    const v1::PlaceholderState state = before ? before->state() : v1::PLACEHOLDER_STATE_UNSPECIFIED;
    if (request.expected_state() != v1::PLACEHOLDER_STATE_UNSPECIFIED && request.expected_state() != state) {
      return absl::FailedPreconditionError(
          absl::StrCat("placeholder of ", id, ": is ", before ? v1::PlaceholderState_Name(state) : "not there",
                       ", expected ", v1::PlaceholderState_Name(request.expected_state())));
    }
    // A picture that was long in the making must not come after the real one.
    if (IsOffered(request.placeholder().state()) && product->image().state() == v1::IMAGE_STATE_STORED) {
      return absl::FailedPreconditionError(absl::StrCat("placeholder of ", id, ": the product has a real image"));
    }
    v1::Placeholder& after = *response.mutable_placeholder();
    after = request.placeholder();
    RETURN_IF_ERROR(PutPicture(request, before, sha256, edit, after));
    *after.mutable_updated_at() = edit.now();
    *after.mutable_created_at() = before ? before->created_at() : after.updated_at();
    edit.PutPlaceholder(before, after);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change));
  return response;
}

absl::StatusOr<v1::GetPlaceholderResponse> RocksStore::GetPlaceholder(const v1::GetPlaceholderRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(std::optional<v1::Placeholder> placeholder,
                   db_->Read<v1::Placeholder>(Family::kPlaceholders, request.product_id()));
  if (!placeholder) {
    return absl::NotFoundError(absl::StrCat("placeholder of ", request.product_id(), ": there is none"));
  }
  v1::GetPlaceholderResponse response;
  *response.mutable_placeholder() = *std::move(placeholder);
  return response;
}

absl::StatusOr<v1::ListPlaceholdersResponse> RocksStore::ListPlaceholders(const v1::ListPlaceholdersRequest& request) {
  if (!v1::PlaceholderState_IsValid(request.state())) {
    return absl::InvalidArgumentError("state: is not one of PlaceholderState");
  }
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  const std::string query = absl::StrCat("placeholders ", request.state());
  ASSIGN_OR_RETURN(const std::string after, store::ParsePageToken(query, request.page_token()));
  const std::string prefix =
      request.state() == v1::PLACEHOLDER_STATE_UNSPECIFIED ? "" : store::PlaceholderStatePrefix(request.state());
  v1::ListPlaceholdersResponse response;
  RETURN_IF_ERROR(store::VisitRecords<v1::Placeholder>(
      *db_, Family::kPlaceholders, prefix, after, [&](const v1::Placeholder& placeholder) {
        if (response.placeholders_size() < page_size) {
          *response.add_placeholders() = placeholder;
          return true;
        }
        response.set_next_page_token(store::MakePageToken(query, response.placeholders().rbegin()->product_id()));
        return false;
      }));
  return response;
}

}  // namespace mannequin
