#include "services/scorer/kept_verdict.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/store/product_bounds.h"

namespace mannequin {

absl::Status CheckKeptId(const v1::Product& product) {
  const std::string& id = product.id();
  if (id.empty()) {
    return absl::InvalidArgumentError("product.id: empty; a verdict is kept under the product's id");
  }
  if (id.size() > kMaxProductIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("product.id: ", id.size(), " bytes, expected 1 to ", kMaxProductIdBytes));
  }
  if (std::any_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); })) {
    return absl::InvalidArgumentError("product.id: has a control character");
  }
  return absl::OkStatus();
}

void AddListing(const v1::Product& product, v1::Verdict& verdict) {
  verdict.set_product_id(product.id());
  v1::Product& listing = *verdict.mutable_listing();
  listing.Clear();
  listing.set_id(product.id());
  listing.set_title(product.title());
  listing.set_brand(product.brand());
  *listing.mutable_category_path() = product.category_path();
  *listing.mutable_attributes() = product.attributes();
}

bool IsOfThePicture(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) || absl::IsDataLoss(status);
}

v1::Verdict NotScored(const v1::Product& product, absl::string_view image_sha256, const absl::Status& why,
                      absl::Time now) {
  v1::Verdict verdict;
  AddListing(product, verdict);
  verdict.set_image_sha256(std::string(image_sha256));
  verdict.set_kind(v1::VERDICT_KIND_NOT_SCORED);
  verdict.set_not_scored_reason(std::string(why.message().substr(0, 1024)));
  verdict.mutable_scored_at()->set_seconds(absl::ToUnixSeconds(now));
  return verdict;
}

absl::Status KeepVerdicts(ProductStore& store, const v1::PutVerdictsRequest& verdicts) {
  const absl::Status put = store.PutVerdicts(verdicts).status();
  if (put.ok()) return put;
  return absl::Status(put.code(), absl::StrCat("the verdict could not be kept: ", put.message()));
}

}  // namespace mannequin
