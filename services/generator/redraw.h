// Draws a placeholder anew, by another seed or from other words.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/store/product_store.h"
#include "mannequin/v1/image_generator.pb.h"
#include "services/generator/illustrator.h"

namespace mannequin {

// PROPOSED or REJECTED becomes PROPOSED with a new picture. A request without a seed takes one
// from the old one's and the clock, so that each asks for another picture; with one, the same
// request again draws the same picture and changes nothing.
// INVALID_ARGUMENT naming the field; NOT_FOUND without a placeholder; FAILED_PRECONDITION from
// any other state, when a real image arrived or somebody else decided meanwhile, and with
// the reason when there is no confident picture: the old one stays then. `draw`'s errors and
// the store's. Thread-safe.
absl::StatusOr<v1::RedrawPlaceholderResponse> Redraw(
    ProductStore& store, const Clock& clock,
    const std::function<absl::StatusOr<Illustration>(const DrawRequest&)>& draw,
    const v1::RedrawPlaceholderRequest& request);

}  // namespace mannequin
