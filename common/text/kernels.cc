#include "common/text/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mannequin {
namespace {

void DotPortable(const float* x, float* const* rows, int n, int dim, float* dots) {
  for (int i = 0; i < n; ++i) {
    float lanes[Kernels::kLane] = {};
    for (int j = 0; j < dim; j += Kernels::kLane) {
      for (int k = 0; k < Kernels::kLane; ++k) lanes[k] += x[j + k] * rows[i][j + k];
    }
    float sum = 0;
    for (const float lane : lanes) sum += lane;
    dots[i] = sum;
  }
}

void UpdatePortable(const float* x, float* const* rows, const float* g, int n, int dim, float* error) {
  for (int i = 0; i < n; ++i) {
    float* row = rows[i];
    for (int j = 0; j < dim; ++j) {
      error[j] += g[i] * row[j];
      row[j] += g[i] * x[j];
    }
  }
}

void GatherPortable(float* const* rows, const float* g, int n, int dim, float* sum) {
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < dim; ++j) sum[j] += g[i] * rows[i][j];
  }
}

void AddPortable(float a, const float* x, int dim, float* y) {
  for (int j = 0; j < dim; ++j) y[j] += a * x[j];
}

#if defined(__x86_64__)
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
#endif

}  // namespace

const Kernels& Kernels::Portable() {
  static constexpr Kernels kKernels = {DotPortable, UpdatePortable, GatherPortable, AddPortable};
  return kKernels;
}

#if defined(__x86_64__)
bool Kernels::HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
const Kernels& Kernels::Avx2() {
  static constexpr Kernels kKernels = {DotAvx2, UpdateAvx2, GatherAvx2, AddAvx2};
  return kKernels;
}
#else
bool Kernels::HasAvx2() { return false; }
const Kernels& Kernels::Avx2() { return Portable(); }
#endif

const Kernels& Kernels::Best() {
  static const Kernels& best = HasAvx2() ? Avx2() : Portable();
  return best;
}

}  // namespace mannequin
