// A drawn picture as a file that says of itself that it was drawn.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product.pb.h"
#include "services/generator/illustrator.h"

namespace mannequin {

// Encoded as `media_type` ("image/png", "image/jpeg" or "image/webp"; otherwise
// INVALID_ARGUMENT), with GeneratedXmp in it and `sha256` filled in.
absl::StatusOr<v1::Image> EncodeGenerated(const Picture& picture, absl::string_view media_type,
                                          const std::string& product_id, const std::string& bundle_version);

}  // namespace mannequin
