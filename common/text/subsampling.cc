#include "common/text/subsampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mannequin {

Subsampling::Subsampling(absl::Span<const std::int64_t> counts, double sample) : chances_(counts.size(), kAlways) {
  if (sample <= 0) return;
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double ratio = static_cast<double>(std::max<std::int64_t>(1, counts[i])) / total / sample;
    const double keep = (std::sqrt(ratio) + 1) / ratio;
    // A chance of 0 would keep a word in no epoch.
    if (keep < 1) chances_[i] = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(keep * kAlways));
  }
}

}  // namespace mannequin
