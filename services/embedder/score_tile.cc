#include "services/embedder/score_tile.h"

#include <algorithm>

#include "common/text/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mannequin {
namespace {

constexpr int kQueries = ScoreTile::kQueries, kRows = ScoreTile::kRows;

bool ScorePortably(const float* const* queries, const float* panel, int dimension, const float* thresholds,
                   float* scores, std::uint16_t* passed) {
  bool any = false;
  for (int q = 0; q < kQueries; ++q) {
    float* row_scores = scores + q * kRows;
    std::fill_n(row_scores, kRows, 0.0f);
    for (int j = 0; j < dimension; ++j) {
      for (int r = 0; r < kRows; ++r) row_scores[r] += queries[q][j] * panel[j * kRows + r];
    }
    passed[q] = 0;
    for (int r = 0; r < kRows; ++r) {
      if (row_scores[r] >= thresholds[q]) passed[q] = static_cast<std::uint16_t>(passed[q] | 1 << r);
    }
    any |= passed[q] != 0;
  }
  return any;
}

#if defined(__x86_64__)

// Twelve sums, two halves of the panel's row and one query's number fill the registers, for
// which the compiler must unroll.
__attribute__((target("avx2,fma"))) bool ScoreAvx2(const float* const* queries, const float* panel, int dimension,
                                                   const float* thresholds, float* scores, std::uint16_t* passed) {
  __m256 low[kQueries], high[kQueries];
#pragma GCC unroll 6
  for (int q = 0; q < kQueries; ++q) low[q] = high[q] = _mm256_setzero_ps();
  for (int j = 0; j < dimension; ++j) {
    const __m256 a = _mm256_load_ps(panel + j * kRows), b = _mm256_load_ps(panel + j * kRows + 8);
#pragma GCC unroll 6
    for (int q = 0; q < kQueries; ++q) {
      const __m256 x = _mm256_broadcast_ss(queries[q] + j);
      low[q] = _mm256_fmadd_ps(x, a, low[q]);
      high[q] = _mm256_fmadd_ps(x, b, high[q]);
    }
  }
  int any = 0;
#pragma GCC unroll 6
  for (int q = 0; q < kQueries; ++q) {
    const __m256 least = _mm256_broadcast_ss(thresholds + q);
    const int mask = _mm256_movemask_ps(_mm256_cmp_ps(low[q], least, _CMP_GE_OQ)) |
                     _mm256_movemask_ps(_mm256_cmp_ps(high[q], least, _CMP_GE_OQ)) << 8;
    passed[q] = static_cast<std::uint16_t>(mask);
    any |= mask;
  }
  if (any == 0) return false;
#pragma GCC unroll 6
  for (int q = 0; q < kQueries; ++q) {
    _mm256_storeu_ps(scores + q * kRows, low[q]);
    _mm256_storeu_ps(scores + q * kRows + 8, high[q]);
  }
  return true;
}

#endif

}  // namespace

const ScoreTile& ScoreTile::Portable() {
  static constexpr ScoreTile kTile = {ScorePortably};
  return kTile;
}

const ScoreTile& ScoreTile::Best() {
#if defined(__x86_64__)
  static constexpr ScoreTile kAvx2 = {ScoreAvx2};
  if (Kernels::HasAvx2()) return kAvx2;
#endif
  return Portable();
}

}  // namespace mannequin
