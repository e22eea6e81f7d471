#include "common/text/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace mannequin {
namespace {

#define MANNEQUIN_AVX2 __attribute__((target("avx2,fma")))

// The sums of four vectors' lanes.
MANNEQUIN_AVX2 inline __m128 Sums(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 sums = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
}

// Six rows at once (a word and five noise words) hide the latency of the additions and
// read `x` once. The sums stay in registers, for which the compiler must unroll.
constexpr int kDotRows = 6;
template <int kRows>
MANNEQUIN_AVX2 inline void DotBlock(const float* x, const float* const* rows, int dim, float* dots) {
  __m256 sums[8] = {};
  for (int j = 0; j < dim; j += 8) {
    const __m256 v = _mm256_loadu_ps(x + j);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) sums[i] = _mm256_fmadd_ps(v, _mm256_loadu_ps(rows[i] + j), sums[i]);
  }
  alignas(16) float all[8];
  _mm_store_ps(all, Sums(sums[0], sums[1], sums[2], sums[3]));
  if (kRows > 4) _mm_store_ps(all + 4, Sums(sums[4], sums[5], sums[6], sums[7]));
  std::copy_n(all, kRows, dots);
}

MANNEQUIN_AVX2 void DotAvx2(const float* x, const float* const* rows, int n, int dim, float* dots) {
  for (; n >= kDotRows; n -= kDotRows, rows += kDotRows, dots += kDotRows) DotBlock<kDotRows>(x, rows, dim, dots);
  switch (n) {
    case 5:
      return DotBlock<5>(x, rows, dim, dots);
    case 4:
      return DotBlock<4>(x, rows, dim, dots);
    case 3:
      return DotBlock<3>(x, rows, dim, dots);
    case 2:
      return DotBlock<2>(x, rows, dim, dots);
    case 1:
      return DotBlock<1>(x, rows, dim, dots);
  }
}

MANNEQUIN_AVX2 void UpdateAvx2(const float* x, float* const* rows, const float* g, int n, int dim, float* error) {
  int i = 0;
  // Two rows at once halve the traffic of `error`; a row that stands twice must see its
  // first update, so such a pair is taken one by one.
  for (; i + 2 <= n && rows[i] != rows[i + 1]; i += 2) {
    float *a = rows[i], *b = rows[i + 1];
    const __m256 ga = _mm256_set1_ps(g[i]), gb = _mm256_set1_ps(g[i + 1]);
    for (int j = 0; j < dim; j += 8) {
      const __m256 v = _mm256_loadu_ps(x + j), ra = _mm256_loadu_ps(a + j), rb = _mm256_loadu_ps(b + j);
      __m256 e = _mm256_loadu_ps(error + j);
      e = _mm256_fmadd_ps(ga, ra, e);
      e = _mm256_fmadd_ps(gb, rb, e);
      _mm256_storeu_ps(error + j, e);
      _mm256_storeu_ps(a + j, _mm256_fmadd_ps(ga, v, ra));
      _mm256_storeu_ps(b + j, _mm256_fmadd_ps(gb, v, rb));
    }
  }
  for (; i < n; ++i) {
    float* row = rows[i];
    const __m256 gi = _mm256_set1_ps(g[i]);
    for (int j = 0; j < dim; j += 8) {
      const __m256 r = _mm256_loadu_ps(row + j);
      _mm256_storeu_ps(error + j, _mm256_fmadd_ps(gi, r, _mm256_loadu_ps(error + j)));
      _mm256_storeu_ps(row + j, _mm256_fmadd_ps(gi, _mm256_loadu_ps(x + j), r));
    }
  }
}

// sum[from to from + 8 kVectors), with the sums in registers.
template <int kVectors>
MANNEQUIN_AVX2 void GatherBlock(const float* const* rows, const float* g, int n, int from, float* sum) {
  __m256 sums[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) sums[v] = _mm256_loadu_ps(sum + from + 8 * v);
  for (int i = 0; i < n; ++i) {
    const __m256 gi = _mm256_broadcast_ss(g + i);
    const float* row = rows[i] + from;
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sums[v] = _mm256_fmadd_ps(gi, _mm256_loadu_ps(row + 8 * v), sums[v]);
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(sum + from + 8 * v, sums[v]);
}

// Thirteen vectors are 104 numbers, a row of the usual 100, and leave three registers.
constexpr int kGatherVectors = 13;
using GatherOf = void (*)(const float* const* rows, const float* g, int n, int from, float* sum);
template <int... kLess>
constexpr std::array<GatherOf, kGatherVectors> GatherBlocks(std::integer_sequence<int, kLess...>) {
  return {GatherBlock<kLess + 1>...};
}
constexpr std::array<GatherOf, kGatherVectors> kGatherBlocks =
    GatherBlocks(std::make_integer_sequence<int, kGatherVectors>());

MANNEQUIN_AVX2 void GatherAvx2(const float* const* rows, const float* g, int n, int dim, float* sum) {
  for (int j = 0; j < dim; j += 8 * kGatherVectors) {
    kGatherBlocks[static_cast<std::size_t>(std::min(kGatherVectors, (dim - j) / 8) - 1)](rows, g, n, j, sum);
  }
}

MANNEQUIN_AVX2 void AddAvx2(float a, const float* x, int dim, float* y) {
  const __m256 v = _mm256_set1_ps(a);
  for (int j = 0; j < dim; j += 8) {
    _mm256_storeu_ps(y + j, _mm256_fmadd_ps(v, _mm256_loadu_ps(x + j), _mm256_loadu_ps(y + j)));
  }
}

// Of eight numbers at once.
MANNEQUIN_AVX2 inline __m256 Sigmoid(__m256 z) {
  const __m256 limit = _mm256_set1_ps(16);  // as the portable code has it
  z = _mm256_max_ps(_mm256_sub_ps(_mm256_setzero_ps(), limit), _mm256_min_ps(limit, z));
  // exp(-z) = 2^t; 2^(t - round(t)) by its Taylor series, 2^round(t) into the exponent.
  const __m256 t = _mm256_mul_ps(z, _mm256_set1_ps(-1.44269504f));
  const __m256 whole = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256 f = _mm256_sub_ps(t, whole);
  __m256 p = _mm256_set1_ps(1.33335581e-3f);
  for (const float c : {9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f, 6.93147181e-1f, 1.0f}) {
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(c));
  }
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(whole), 23);
  const __m256 e = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
  return _mm256_div_ps(_mm256_set1_ps(1), _mm256_add_ps(_mm256_set1_ps(1), e));
}

MANNEQUIN_AVX2 void MissesAvx2(const float* labels, int n, float lr, float* dots) {
  const __m256 rate = _mm256_set1_ps(lr);
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 miss = _mm256_sub_ps(_mm256_loadu_ps(labels + i), Sigmoid(_mm256_loadu_ps(dots + i)));
    _mm256_storeu_ps(dots + i, _mm256_mul_ps(rate, miss));
  }
  if (i == n) return;
  alignas(32) float values[8] = {};
  std::copy_n(dots + i, n - i, values);
  _mm256_store_ps(values, Sigmoid(_mm256_load_ps(values)));
  for (int j = 0; i < n; ++i, ++j) dots[i] = lr * (labels[i] - values[j]);
}

}  // namespace

bool Kernels::HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
const Kernels& Kernels::Avx2() {
  static constexpr Kernels kKernels = {DotAvx2, UpdateAvx2, GatherAvx2, AddAvx2, MissesAvx2};
  return kKernels;
}

}  // namespace mannequin

#else

namespace mannequin {

bool Kernels::HasAvx2() { return false; }
const Kernels& Kernels::Avx2() { return Portable(); }

}  // namespace mannequin

#endif
