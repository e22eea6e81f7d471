#include "services/generator/review.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/generator/metrics.h"

namespace mannequin {
namespace {

std::string StateName(v1::PlaceholderState state) {
  return v1::PlaceholderState_Name(state).substr(std::string("PLACEHOLDER_STATE_").size());
}

}  // namespace

absl::StatusOr<v1::ReviewPlaceholderResponse> Review(ProductStore& store, const v1::ReviewPlaceholderRequest& request) {
  if (request.product_id().empty()) return absl::InvalidArgumentError("product_id: empty");
  if (request.rejection_reason().size() > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("rejection_reason: ", request.rejection_reason().size(), " bytes, expected at most 1024"));
  }
  if (request.approve() && !request.rejection_reason().empty()) {
    return absl::InvalidArgumentError("rejection_reason: given with an approval");
  }
  const v1::PlaceholderState wanted =
      request.approve() ? v1::PLACEHOLDER_STATE_APPROVED : v1::PLACEHOLDER_STATE_REJECTED;
  v1::GetPlaceholderRequest get;
  get.set_product_id(request.product_id());
  v1::ReviewPlaceholderResponse response;
  // Twice at most: the second time after somebody else was faster.
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const v1::GetPlaceholderResponse found, store.GetPlaceholder(get));
    *response.mutable_placeholder() = found.placeholder();
    if (found.placeholder().state() == wanted) return response;
    if (found.placeholder().state() != v1::PLACEHOLDER_STATE_PROPOSED) {
      return absl::FailedPreconditionError(absl::StrCat("placeholder of ", request.product_id(), " is ",
                                                        StateName(found.placeholder().state()),
                                                        "; only a PROPOSED one can be reviewed"));
    }
    v1::PutPlaceholderRequest put;
    *put.mutable_placeholder() = found.placeholder();
    put.mutable_placeholder()->set_state(wanted);
    put.mutable_placeholder()->set_rejection_reason(request.rejection_reason());
    put.set_expected_state(v1::PLACEHOLDER_STATE_PROPOSED);
    absl::StatusOr<v1::PutPlaceholderResponse> stored = store.PutPlaceholder(put);
    if (stored.ok()) {
      generator_metrics::CountPlaceholder(request.approve() ? "approved" : "rejected");
      *response.mutable_placeholder() = *std::move(stored->mutable_placeholder());
      return response;
    }
    if (!absl::IsFailedPrecondition(stored.status()) || attempt > 0) return stored.status();
  }
}

}  // namespace mannequin
