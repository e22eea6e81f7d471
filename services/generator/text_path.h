// The way between two texts: what lies between "red boot" and "blue boot".
//
//   std::vector<float> half = Slerp(red, blue, 0.5);
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace mannequin {

// The unit vector that is `weight` (0 to 1) of the way along the great circle from `from` to
// `to`, both of unit length and equally long (Shoemake 1985). 0 and 1 give the ends exactly.
// Opposite vectors have no one way between them: then the nearer end.
inline std::vector<float> Slerp(const std::vector<float>& from, const std::vector<float>& to, double weight) {
  if (weight <= 0) return from;
  if (weight >= 1) return to;
  double cosine = 0;
  for (std::size_t i = 0; i < from.size(); ++i) cosine += static_cast<double>(from[i]) * to[i];
  const double angle = std::acos(std::clamp(cosine, -1.0, 1.0));
  const double sine = std::sin(angle);
  if (sine < 1e-6) return weight < 0.5 ? from : to;
  const double a = std::sin((1 - weight) * angle) / sine, b = std::sin(weight * angle) / sine;
  std::vector<float> between(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) between[i] = static_cast<float>(a * from[i] + b * to[i]);
  return between;
}

}  // namespace mannequin
