// Scales a vector to unit length.
//
//   if (!MakeUnitLength(absl::MakeSpan(vector))) vector.clear();
#pragma once

#include <cmath>

#include "absl/types/span.h"

namespace mannequin {

// False, and the vector as it was, when its length is 0 or next to it (its direction would be
// chance) or not finite.
inline bool MakeUnitLength(absl::Span<float> values) {
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * value;
  // Written so that what is not a number fails.
  if (!(square >= 1e-12) || std::isinf(square)) return false;
  const auto inverse = static_cast<float>(1 / std::sqrt(square));
  for (float& value : values) value *= inverse;
  return true;
}

}  // namespace mannequin
