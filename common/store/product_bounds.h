// The bounds of product.proto, for the store that holds products to them and for whoever
// makes products and must know beforehand.
#pragma once

#include <cstddef>

namespace mannequin {

inline constexpr std::size_t kMaxProductIdBytes = 128;
inline constexpr std::size_t kMaxTitleBytes = 4'096;
inline constexpr int kMaxCategoryParts = 16;
inline constexpr std::size_t kMaxCategoryPartBytes = 256;
inline constexpr std::size_t kMaxBrandBytes = 256;
inline constexpr int kMaxAttributes = 64;
inline constexpr std::size_t kMaxAttributeNameBytes = 64;
inline constexpr std::size_t kMaxAttributeValueBytes = 256;
inline constexpr std::size_t kMaxDescriptionBytes = 65'536;
inline constexpr std::size_t kMaxImageUrlBytes = 2'048;

}  // namespace mannequin
