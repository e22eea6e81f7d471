#include "services/generator/proposal.h"

#include "common/base/status_macros.h"
#include "services/generator/generated_image.h"

namespace mannequin {

absl::StatusOr<v1::PutPlaceholderRequest> ProposalOf(const std::string& product_id, const Illustration& drawn) {
  const Picture& best = drawn.pictures.front();
  v1::PutPlaceholderRequest put;
  v1::Placeholder& placeholder = *put.mutable_placeholder();
  placeholder.set_product_id(product_id);
  placeholder.set_state(v1::PLACEHOLDER_STATE_PROPOSED);
  placeholder.set_confidence(best.confidence);
  placeholder.set_seed(best.seed);
  placeholder.set_bundle_version(drawn.bundle_version);
  ASSIGN_OR_RETURN(
      *put.mutable_image(),
      EncodeGenerated(best.pixels, {},
                      {.product_id = product_id, .bundle_version = drawn.bundle_version, .seed = best.seed}));
  return put;
}

}  // namespace mannequin
