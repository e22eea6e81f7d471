#include "common/text/subsampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// Shares of 0.9, 0.09 and 0.01.
const std::vector<std::int64_t> kCounts = {90'000, 9'000, 1'000};

double Formula(double share, double sample) { return std::min(1.0, (std::sqrt(share / sample) + 1) * sample / share); }

TEST(Subsampling, KeepsWordsByTheirShareOfTheCorpus) {
  const Subsampling subsampling(kCounts, 1e-2);
  Random random(5);
  std::vector<double> kept(kCounts.size());
  for (std::size_t word = 0; word < kCounts.size(); ++word) {
    for (int i = 0; i < 100'000; ++i) {
      kept[word] += subsampling.Keeps(static_cast<std::int32_t>(word), random.Next()) / 100'000.0;
    }
  }
  EXPECT_NEAR(kept[0], Formula(0.9, 1e-2), 0.005);
  EXPECT_NEAR(kept[1], Formula(0.09, 1e-2), 0.01);
  EXPECT_NEAR(kept[2], 1, 1e-9);
}

TEST(Subsampling, KeepsTheSameShareOfEpochsBeginningWithTheFirst) {
  const Subsampling subsampling(kCounts, 1e-2);
  for (std::int32_t word = 0; word < 3; ++word) {
    int kept = 0;
    for (int epoch = 0; epoch < 1'000; ++epoch) kept += subsampling.KeepsInEpoch(word, epoch);
    EXPECT_NEAR(kept / 1'000.0, Formula(kCounts[static_cast<std::size_t>(word)] / 100'000.0, 1e-2), 0.002) << word;
    EXPECT_TRUE(subsampling.KeepsInEpoch(word, 0)) << word;
  }
}

TEST(Subsampling, KeepsEveryWordWithoutASample) {
  const Subsampling subsampling(kCounts, 0);
  for (int epoch = 0; epoch < 100; ++epoch) EXPECT_TRUE(subsampling.KeepsInEpoch(0, epoch));
  EXPECT_TRUE(subsampling.Keeps(0, ~std::uint64_t{0}));
}

}  // namespace
}  // namespace mannequin
