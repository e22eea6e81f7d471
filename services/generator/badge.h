// The visible half of a generated picture's mark; the other half is in the file (xmp.h).
//
//   ASSIGN_OR_RETURN(v1::Image shown, BadgedImage(plain, provenance));
#pragma once

#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "mannequin/v1/product.pb.h"
#include "services/generator/xmp.h"

namespace mannequin {

// `pixels` with a small dark label in the lower right corner: "AI-generated" or, where that
// would be too small to be read, "AI". It covers a tenth of the picture at most, and can be
// read down to 64 pixels. INVALID_ARGUMENT under 32 pixels a side.
absl::StatusOr<Pixels> WithBadge(Pixels pixels);

// An encoded picture once more with the badge, as PNG of its own size with GeneratedXmp in it.
// DecodeImage's errors.
absl::StatusOr<v1::Image> BadgedImage(const v1::Image& plain, const Provenance& provenance);

}  // namespace mannequin
