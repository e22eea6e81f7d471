// The products that get a placeholder.
#pragma once

#include <array>

#include "absl/algorithm/container.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

// None was given, it shows no product, or it could not be fetched for good.
inline constexpr std::array<v1::ImageState, 2> kLackingImage = {v1::IMAGE_STATE_MISSING, v1::IMAGE_STATE_FAILED};

inline bool LacksImage(v1::ImageState state) { return absl::c_linear_search(kLackingImage, state); }

}  // namespace mannequin
