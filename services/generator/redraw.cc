#include "services/generator/redraw.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "services/generator/metrics.h"
#include "services/generator/placeholder_maker.h"
#include "services/generator/proposal.h"
#include "services/generator/review_bounds.h"

namespace mannequin {
namespace {

// What a store keeps of them.
constexpr std::size_t kMaxWordsBytes = 4096;

// Beyond the candidates of any drawing, whose seeds have been seen.
constexpr int kFreshSeed = 1000;

// The product in other words: what is given replaces the product's own, attributes by their names.
v1::Product InWords(v1::Product product, const v1::Product& words) {
  if (!words.title().empty()) product.set_title(words.title());
  if (!words.brand().empty()) product.set_brand(words.brand());
  if (!words.description().empty()) product.set_description(words.description());
  if (!words.category_path().empty()) *product.mutable_category_path() = words.category_path();
  for (const v1::Attribute& attribute : words.attributes()) {
    const auto same = absl::c_find_if(*product.mutable_attributes(),
                                      [&](const v1::Attribute& own) { return own.name() == attribute.name(); });
    *(same == product.mutable_attributes()->end() ? product.add_attributes() : &*same) = attribute;
  }
  return product;
}

// For a person: "Red boot; Shoes > Boots; Acme; color: red".
std::string Described(const v1::Product& words) {
  std::vector<std::string> parts;
  for (const std::string& part :
       {words.title(), absl::StrJoin(words.category_path(), " > "), words.brand(), words.description()}) {
    if (!part.empty()) parts.push_back(part);
  }
  for (const v1::Attribute& attribute : words.attributes()) {
    parts.push_back(absl::StrCat(attribute.name(), ": ", attribute.value()));
  }
  return absl::StrJoin(parts, "; ");
}

absl::Status Check(const v1::RedrawPlaceholderRequest& request) {
  RETURN_IF_ERROR(CheckReviewed(request.product_id()));
  RETURN_IF_ERROR(CheckBytes("reason", request.reason(), kMaxReasonBytes));
  RETURN_IF_ERROR(CheckBytes("reviewer", request.reviewer(), kMaxReviewerBytes));
  RETURN_IF_ERROR(CheckBytes("words", Described(request.words()), kMaxWordsBytes));
  return CheckCandidates(request.candidates());
}

}  // namespace

absl::StatusOr<v1::RedrawPlaceholderResponse> Redraw(
    ProductStore& store, const Clock& clock,
    const std::function<absl::StatusOr<Illustration>(const DrawRequest&)>& draw,
    const v1::RedrawPlaceholderRequest& request) {
  RETURN_IF_ERROR(Check(request));
  const std::string& id = request.product_id();
  v1::GetPlaceholderRequest get;
  get.set_product_id(id);
  ASSIGN_OR_RETURN(v1::GetPlaceholderResponse found, store.GetPlaceholder(get));
  v1::Placeholder& before = *found.mutable_placeholder();
  if (before.state() != v1::PLACEHOLDER_STATE_PROPOSED && before.state() != v1::PLACEHOLDER_STATE_REJECTED) {
    const bool approved = before.state() == v1::PLACEHOLDER_STATE_APPROVED;
    return absl::FailedPreconditionError(absl::StrCat("placeholder of ", id, " is ",
                                                      approved ? "APPROVED; withdraw it first" : "RETIRED",
                                                      "; only one that is PROPOSED or REJECTED can be drawn anew"));
  }
  v1::GetProductRequest get_product;
  get_product.set_id(id);
  ASSIGN_OR_RETURN(v1::GetProductResponse stored, store.GetProduct(get_product));
  const v1::Product product = InWords(std::move(*stored.mutable_product()->mutable_product()), request.words());
  if (const absl::Status status = CheckDescribed(product); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("words: ", status.message()));
  }
  DrawRequest wanted;
  wanted.product = &product;
  wanted.candidates = CandidatesOf(request.candidates());
  const auto now = static_cast<std::uint64_t>(absl::ToUnixNanos(clock.Now()));
  wanted.seed = request.seed() != 0 ? request.seed() : CandidateSeed(before.seed() ^ now, kFreshSeed);
  ASSIGN_OR_RETURN(const Illustration drawn, draw(wanted));
  generator_metrics::CountIllustration(drawn);
  if (drawn.pictures.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("placeholder of ", id, " stays as it is: ", drawn.no_image_reason));
  }
  ASSIGN_OR_RETURN(v1::PutPlaceholderRequest put, ProposalOf(id, drawn));
  put.mutable_placeholder()->set_words(Described(request.words()));
  v1::RedrawPlaceholderResponse response;
  if (before.state() == v1::PLACEHOLDER_STATE_PROPOSED && before.image_sha256() == put.image().sha256() &&
      before.words() == put.placeholder().words()) {
    *response.mutable_placeholder() = std::move(before);
    return response;
  }
  put.set_expected_state(before.state());
  put.set_reviewer(request.reviewer());
  put.set_reason(request.reason());
  ASSIGN_OR_RETURN(v1::PutPlaceholderResponse kept, store.PutPlaceholder(put));
  generator_metrics::CountPlaceholder("redrawn");
  *response.mutable_placeholder() = std::move(*kept.mutable_placeholder());
  return response;
}

}  // namespace mannequin
