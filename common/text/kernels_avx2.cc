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

MANNEQUIN_AVX2 inline float Sum(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

MANNEQUIN_AVX2 void DotAvx2(const float* x, float* const* rows, int n, int dim, float* dots) {
  int i = 0;
  // Three rows at once hide the latency of the additions and read `x` once.
  for (; i + 3 <= n; i += 3) {
    const float *a = rows[i], *b = rows[i + 1], *c = rows[i + 2];
    __m256 sa = _mm256_setzero_ps(), sb = sa, sc = sa;
    for (int j = 0; j < dim; j += 8) {
      const __m256 v = _mm256_loadu_ps(x + j);
      sa = _mm256_fmadd_ps(v, _mm256_loadu_ps(a + j), sa);
      sb = _mm256_fmadd_ps(v, _mm256_loadu_ps(b + j), sb);
      sc = _mm256_fmadd_ps(v, _mm256_loadu_ps(c + j), sc);
    }
    dots[i] = Sum(sa);
    dots[i + 1] = Sum(sb);
    dots[i + 2] = Sum(sc);
  }
  for (; i < n; ++i) {
    __m256 s = _mm256_setzero_ps();
    for (int j = 0; j < dim; j += 8) s = _mm256_fmadd_ps(_mm256_loadu_ps(x + j), _mm256_loadu_ps(rows[i] + j), s);
    dots[i] = Sum(s);
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

MANNEQUIN_AVX2 void GatherAvx2(float* const* rows, const float* g, int n, int dim, float* sum) {
  for (int j = 0; j < dim; j += 8) {
    __m256 s = _mm256_loadu_ps(sum + j);
    for (int i = 0; i < n; ++i) s = _mm256_fmadd_ps(_mm256_set1_ps(g[i]), _mm256_loadu_ps(rows[i] + j), s);
    _mm256_storeu_ps(sum + j, s);
  }
}

MANNEQUIN_AVX2 void AddAvx2(float a, const float* x, int dim, float* y) {
  const __m256 v = _mm256_set1_ps(a);
  for (int j = 0; j < dim; j += 8) {
    _mm256_storeu_ps(y + j, _mm256_fmadd_ps(v, _mm256_loadu_ps(x + j), _mm256_loadu_ps(y + j)));
  }
}


MANNEQUIN_AVX2 inline __m128 Sigmoid(__m128 z) {
  const __m128 limit = _mm_set1_ps(16);  // as the portable code has it
  z = _mm_max_ps(_mm_sub_ps(_mm_setzero_ps(), limit), _mm_min_ps(limit, z));
  // exp(-z) = 2^t; 2^(t - round(t)) by its Taylor series, 2^round(t) into the exponent.
  const __m128 t = _mm_mul_ps(z, _mm_set1_ps(-1.44269504f));
  const __m128 whole = _mm_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m128 f = _mm_sub_ps(t, whole);
  __m128 p = _mm_set1_ps(1.33335581e-3f);
  p = _mm_fmadd_ps(p, f, _mm_set1_ps(9.61812911e-3f));
  p = _mm_fmadd_ps(p, f, _mm_set1_ps(5.55041087e-2f));
  p = _mm_fmadd_ps(p, f, _mm_set1_ps(2.40226507e-1f));
  p = _mm_fmadd_ps(p, f, _mm_set1_ps(6.93147181e-1f));
  p = _mm_fmadd_ps(p, f, _mm_set1_ps(1));
  const __m128i exponent = _mm_slli_epi32(_mm_cvtps_epi32(whole), 23);
  const __m128 e = _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(p), exponent));
  return _mm_div_ps(_mm_set1_ps(1), _mm_add_ps(_mm_set1_ps(1), e));
}

// x . row of four rows that lie one after the other.
MANNEQUIN_AVX2 inline __m128 DotFour(const float* x, const float* rows, int dim) {
  const float *r0 = rows, *r1 = r0 + dim, *r2 = r1 + dim, *r3 = r2 + dim;
  __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
  for (int j = 0; j < dim; j += 8) {
    const __m256 v = _mm256_loadu_ps(x + j);
    a = _mm256_fmadd_ps(v, _mm256_loadu_ps(r0 + j), a);
    b = _mm256_fmadd_ps(v, _mm256_loadu_ps(r1 + j), b);
    c = _mm256_fmadd_ps(v, _mm256_loadu_ps(r2 + j), c);
    d = _mm256_fmadd_ps(v, _mm256_loadu_ps(r3 + j), d);
  }
  const __m256 sums = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
}

// x[0 to 8 kVectors) += sum of g[i] times row i. The sums stay in registers, for which the
// compiler must unroll.
template <int kVectors>
MANNEQUIN_AVX2 void GatherBlock(const float* rows, const float* g, int n, int dim, float* x) {
  __m256 sums[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) sums[v] = _mm256_loadu_ps(x + 8 * v);
  for (int i = 0; i < n; ++i, rows += dim) {
    const __m256 gi = _mm256_broadcast_ss(g + i);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sums[v] = _mm256_fmadd_ps(gi, _mm256_loadu_ps(rows + 8 * v), sums[v]);
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(x + 8 * v, sums[v]);
}

// Thirteen vectors are 104 numbers, a row of the usual 100, and leave three registers.
constexpr int kBlock = 13;
using Gather = void (*)(const float* rows, const float* g, int n, int dim, float* x);
template <int... kLess>
constexpr std::array<Gather, kBlock> GatherBlocks(std::integer_sequence<int, kLess...>) {
  return {GatherBlock<kLess + 1>...};
}
constexpr std::array<Gather, kBlock> kGatherBlocks = GatherBlocks(std::make_integer_sequence<int, kBlock>());

MANNEQUIN_AVX2 void FitAvx2(const float* rows, const FitTargets& targets, int n, int dim, float lr, float* x) {
  alignas(16) float g[Kernels::kMaxFit];
  for (int i = 0; i < n; i += 4) {
    const __m128 scale = _mm_loadu_ps(targets.scales + i);
    const __m128 z = _mm_fmadd_ps(scale, DotFour(x, rows + static_cast<std::ptrdiff_t>(i) * dim, dim),
                                  _mm_loadu_ps(targets.biases + i));
    const __m128 miss = _mm_sub_ps(_mm_loadu_ps(targets.labels + i), Sigmoid(z));
    _mm_store_ps(g + i, _mm_mul_ps(_mm_mul_ps(_mm_set1_ps(lr), scale), miss));
  }
  for (int j = 0; j < dim; j += 8 * kBlock) {
    kGatherBlocks[std::min(kBlock, (dim - j) / 8) - 1](rows + j, g, n, dim, x + j);
  }
}

}  // namespace

bool Kernels::HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
const Kernels& Kernels::Avx2() {
  static constexpr Kernels kKernels = {DotAvx2, UpdateAvx2, GatherAvx2, AddAvx2, FitAvx2};
  return kKernels;
}

}  // namespace mannequin

#else

namespace mannequin {

bool Kernels::HasAvx2() { return false; }
const Kernels& Kernels::Avx2() { return Portable(); }

}  // namespace mannequin

#endif
