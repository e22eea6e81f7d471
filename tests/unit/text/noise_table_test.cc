#include "common/text/noise_table.h"

#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::vector<double> Shares(const std::vector<std::int64_t>& counts, int draws) {
  const NoiseTable table(counts);
  Random random(11);
  std::vector<double> shares(counts.size());
  for (int i = 0; i < draws; ++i) shares[static_cast<std::size_t>(table.Draw(random.Next()))] += 1.0 / draws;
  return shares;
}

TEST(NoiseTable, DrawsByTheCountToThePowerOfThreeQuarters) {
  const std::vector<std::int64_t> counts = {1, 10'000, 16, 81, 0, 256, 1'000};
  double total = 0;
  for (const std::int64_t count : counts) total += std::pow(count, 0.75);
  const std::vector<double> shares = Shares(counts, 1'000'000);
  // Five standard deviations of the most frequent word's share.
  for (std::size_t i = 0; i < counts.size(); ++i)
    EXPECT_NEAR(shares[i], std::pow(counts[i], 0.75) / total, 0.0025) << i;
  EXPECT_EQ(shares[4], 0) << "a word never seen is no noise";
}

TEST(NoiseTable, AllWordsAreAsLikelyWhereNoneWasSeen) {
  for (const double share : Shares({0, 0, 0, 0}, 100'000)) EXPECT_NEAR(share, 0.25, 0.01);
}

}  // namespace
}  // namespace mannequin
