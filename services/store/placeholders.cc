// Generated images offered for products without one.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/page_token.h"
#include "services/store/record_store.h"
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
  RETURN_IF_ERROR(store::CheckText("placeholder.words", placeholder.words(), 0, 4096));
  return store::CheckText("placeholder.rejection_reason", placeholder.rejection_reason(), 0, 4096);
}

bool IsOffered(v1::PlaceholderState state) {
  return state == v1::PLACEHOLDER_STATE_PROPOSED || state == v1::PLACEHOLDER_STATE_APPROVED;
}

absl::Status CheckPut(const v1::PutPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckPlaceholder(request.placeholder()));
  if (!v1::PlaceholderState_IsValid(request.expected_state())) {
    return absl::InvalidArgumentError("expected_state: is not one of PlaceholderState");
  }
  if (request.must_be_new() && request.expected_state() != v1::PLACEHOLDER_STATE_UNSPECIFIED) {
    return absl::InvalidArgumentError("must_be_new: given together with expected_state");
  }
  if (request.has_badged_image() && request.placeholder().state() != v1::PLACEHOLDER_STATE_APPROVED) {
    return absl::InvalidArgumentError("badged_image: only of one that becomes APPROVED");
  }
  RETURN_IF_ERROR(store::CheckText("reviewer", request.reviewer(), 0, 256));
  return store::CheckText("reason", request.reason(), 0, 1024);
}

absl::Status CheckBefore(const v1::PutPlaceholderRequest& request, const std::optional<v1::Placeholder>& before) {
  const std::string& id = request.placeholder().product_id();
  const std::string is = before ? v1::PlaceholderState_Name(before->state()) : "not there";
  if (request.must_be_new() && before) {
    return absl::FailedPreconditionError(absl::StrCat("placeholder of ", id, ": is ", is, ", expected none"));
  }
  const v1::PlaceholderState state = before ? before->state() : v1::PLACEHOLDER_STATE_UNSPECIFIED;
  if (request.expected_state() == v1::PLACEHOLDER_STATE_UNSPECIFIED || request.expected_state() == state) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("placeholder of ", id, ": is ", is, ", expected ",
                                                    v1::PlaceholderState_Name(request.expected_state())));
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
    RETURN_IF_ERROR(edit.AddImage(request.image(), sha256, {}));
    RETURN_IF_ERROR(edit.DropImage(kept));
    after.set_image_sha256(sha256);
  } else if (after.image_sha256().empty()) {
    after.set_image_sha256(kept);
  }
  if (after.image_sha256().empty()) {
    return absl::InvalidArgumentError("image: is missing, and the placeholder has no picture yet");
  }
  if (request.has_image() || after.image_sha256() == kept) return absl::OkStatus();
  if (kept.empty()) return absl::InvalidArgumentError("placeholder.image_sha256: is a new picture; send it as image");
  return absl::FailedPreconditionError(absl::StrCat("placeholder of ", after.product_id(), ": its picture is ", kept,
                                                    " by now; look at that one, or send the new one as image"));
}

// An APPROVED one has its picture's badge, no other one has any.
absl::Status PutBadge(const v1::PutPlaceholderRequest& request, const std::optional<v1::Placeholder>& before,
                      const std::string& sha256, store::Edit& edit, v1::Placeholder& after) {
  const std::string kept = before ? before->badged_image_sha256() : "";
  after.clear_badged_image_sha256();
  if (request.has_badged_image()) {
    RETURN_IF_ERROR(edit.AddImage(request.badged_image(), sha256, {}));
    after.set_badged_image_sha256(sha256);
  } else if (after.state() == v1::PLACEHOLDER_STATE_APPROVED) {
    if (kept.empty() || after.image_sha256() != before->image_sha256()) {
      return absl::InvalidArgumentError("badged_image: is missing; an APPROVED placeholder is shown with a badge");
    }
    after.set_badged_image_sha256(kept);
    return absl::OkStatus();
  }
  return edit.DropImage(kept);
}

}  // namespace

absl::StatusOr<v1::PutPlaceholderResponse> RecordStore::PutPlaceholder(const v1::PutPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckPut(request));
  // Hashing is the long part: before the change.
  std::string sha256, badged_sha256;
  if (request.has_image()) {
    ASSIGN_OR_RETURN(sha256, store::CheckImage("image.", request.image()));
  }
  if (request.has_badged_image()) {
    ASSIGN_OR_RETURN(badged_sha256, store::CheckImage("badged_image.", request.badged_image()));
  }
  const std::string& id = request.placeholder().product_id();
  const store::Renditions none;
  std::vector<store::NewPicture> pictures;
  if (request.has_image()) pictures.push_back({&request.image(), &sha256, &none});
  if (request.has_badged_image()) pictures.push_back({&request.badged_image(), &badged_sha256, &none});
  v1::PutPlaceholderResponse response;
  const auto change = [&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                     edit.Read<v1::StoredProduct>(Family::kProducts, id));
    if (!product) return absl::NotFoundError(absl::StrCat("product ", id, ": not in the store"));
    ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> before,
                     edit.Read<v1::Placeholder>(Family::kPlaceholders, id));
    RETURN_IF_ERROR(CheckBefore(request, before));
    // A picture that was long in the making must not come after the real one.
    if (IsOffered(request.placeholder().state()) && product->image().state() == v1::IMAGE_STATE_STORED) {
      return absl::FailedPreconditionError(absl::StrCat("placeholder of ", id, ": the product has a real image"));
    }
    v1::Placeholder after = request.placeholder();
    RETURN_IF_ERROR(PutPicture(request, before, sha256, edit, after));
    RETURN_IF_ERROR(PutBadge(request, before, badged_sha256, edit, after));
    const bool drawn = request.has_image() || !before;
    *after.mutable_category_path() = drawn ? product->product().category_path() : before->category_path();
    *response.mutable_placeholder() =
        edit.PutPlaceholder(before, std::move(after), {.reviewer = request.reviewer(), .reason = request.reason()});
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Write(change, pictures));
  return response;
}

absl::StatusOr<v1::GetPlaceholderResponse> RecordStore::GetPlaceholder(const v1::GetPlaceholderRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(std::optional<v1::Placeholder> placeholder,
                   Read<v1::Placeholder>(Family::kPlaceholders, request.product_id()));
  if (!placeholder) {
    return absl::NotFoundError(absl::StrCat("placeholder of ", request.product_id(), ": there is none"));
  }
  v1::GetPlaceholderResponse response;
  *response.mutable_placeholder() = *std::move(placeholder);
  return response;
}

// Whether it is among those that the request asks for; on one of before placeholders had categories, the
// product's is looked at.
absl::StatusOr<bool> RecordStore::IsListed(const v1::ListPlaceholdersRequest& request,
                                           const v1::Placeholder& placeholder) {
  if (placeholder.confidence() < request.min_confidence()) return false;
  if (request.category_path().empty()) return true;
  const auto is_below = [&](const google::protobuf::RepeatedPtrField<std::string>& path) {
    return path.size() >= request.category_path_size() &&
           std::equal(request.category_path().begin(), request.category_path().end(), path.begin());
  };
  if (!placeholder.category_path().empty()) return is_below(placeholder.category_path());
  ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                   Read<v1::StoredProduct>(Family::kProducts, placeholder.product_id()));
  return product && is_below(product->product().category_path());
}

absl::StatusOr<v1::ListPlaceholdersResponse> RecordStore::ListPlaceholders(const v1::ListPlaceholdersRequest& request) {
  if (!v1::PlaceholderState_IsValid(request.state())) {
    return absl::InvalidArgumentError("state: is not one of PlaceholderState");
  }
  RETURN_IF_ERROR(store::CheckCategoryPath("category_path", request.category_path()));
  RETURN_IF_ERROR(store::CheckShare("min_confidence", request.min_confidence()));
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  v1::ListPlaceholdersRequest filter = request;
  filter.clear_page_size();
  filter.clear_page_token();
  const std::string query = absl::StrCat("placeholders", filter.SerializeAsString());
  ASSIGN_OR_RETURN(const std::string after, store::ParsePageToken(query, request.page_token()));
  v1::ListPlaceholdersResponse response;
  std::size_t bytes = 0;
  const auto visit = [&](const v1::Placeholder& placeholder) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const bool listed, IsListed(request, placeholder));
    if (!listed) return true;
    if (response.placeholders_size() < page_size && bytes < store::kPageBytes) {
      bytes += placeholder.ByteSizeLong();
      *response.add_placeholders() = placeholder;
      return true;
    }
    response.set_next_page_token(store::MakePageToken(query, response.placeholders().rbegin()->product_id()));
    return false;
  };
  RETURN_IF_ERROR(VisitPlaceholders(request.state(), after, visit));
  return response;
}

}  // namespace mannequin
