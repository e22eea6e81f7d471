#include "common/text/noise_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mannequin {

NoiseTable::NoiseTable(absl::Span<const std::int64_t> counts) : slots_(counts.size()) {
  const auto n = static_cast<std::int32_t>(counts.size());
  std::vector<double> share(counts.size());
  double total = 0;
  for (std::int32_t i = 0; i < n; ++i)
    total += share[i] = std::pow(static_cast<double>(std::max<std::int64_t>(counts[i], 0)), 0.75);
  std::vector<std::int32_t> small, large;
  for (std::int32_t i = 0; i < n; ++i) {
    share[i] = total > 0 ? share[i] * n / total : 1;
    (share[i] < 1 ? small : large).push_back(i);
    slots_[i] = {std::numeric_limits<std::uint32_t>::max(), i, i};
  }
  while (!small.empty() && !large.empty()) {
    const std::int32_t low = small.back(), high = large.back();
    small.pop_back();
    slots_[low].threshold = static_cast<std::uint32_t>(share[low] * 4294967295.0);
    slots_[low].alias = high;
    share[high] -= 1 - share[low];
    if (share[high] < 1) {
      large.pop_back();
      small.push_back(high);
    }
  }
}

}  // namespace mannequin
