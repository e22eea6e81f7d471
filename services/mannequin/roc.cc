#include "services/mannequin/roc.h"

#include <algorithm>

namespace mannequin {

std::optional<double> AreaUnderRoc(std::vector<double> positives, std::vector<double> negatives) {
  if (positives.empty() || negatives.empty()) return std::nullopt;
  std::sort(negatives.begin(), negatives.end());
  double won = 0;
  for (const double score : positives) {
    const auto [first, last] = std::equal_range(negatives.begin(), negatives.end(), score);
    won += static_cast<double>(first - negatives.begin()) + 0.5 * static_cast<double>(last - first);
  }
  return won / (static_cast<double>(positives.size()) * static_cast<double>(negatives.size()));
}

}  // namespace mannequin
