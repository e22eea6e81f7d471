// The inner loop of an exact search of many queries: six queries against sixteen rows at
// once, so that each number that is loaded is used six or sixteen times. AVX2 + FMA where
// the machine has them, plain C++ elsewhere; both agree but for rounding.
#pragma once

#include <cstdint>

namespace mannequin {

struct ScoreTile {
  static constexpr int kQueries = 6, kRows = 16;

  // `panel` holds sixteen rows turned on their side, [dimension, kRows]. scores[q * kRows + r]
  // is set, and bit r of passed[q] where it is at least thresholds[q]. Answers whether any
  // passed; else `scores` may be left alone.
  bool (*score)(const float* const* queries, const float* panel, int dimension, const float* thresholds, float* scores,
                std::uint16_t* passed);

  static const ScoreTile& Portable();
  static const ScoreTile& Best();
};

}  // namespace mannequin
