#include "common/text/kernels.h"

#include <algorithm>
#include <cmath>

namespace mannequin {
namespace {

constexpr float kLimit = 16;  // of a logit; beyond, its sigmoid is 0 or 1 to a float

void DotPortable(const float* x, const float* const* rows, int n, int dim, float* dots) {
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

void GatherPortable(const float* const* rows, const float* g, int n, int dim, float* sum) {
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < dim; ++j) sum[j] += g[i] * rows[i][j];
  }
}

void AddPortable(float a, const float* x, int dim, float* y) {
  for (int j = 0; j < dim; ++j) y[j] += a * x[j];
}

void MissesPortable(const float* labels, int n, float lr, float* dots) {
  for (int i = 0; i < n; ++i) dots[i] = lr * (labels[i] - 1 / (1 + std::exp(-std::clamp(dots[i], -kLimit, kLimit))));
}

}  // namespace

const Kernels& Kernels::Portable() {
  static constexpr Kernels kKernels = {DotPortable, UpdatePortable, GatherPortable, AddPortable, MissesPortable};
  return kKernels;
}

const Kernels& Kernels::Best() {
  static const Kernels& best = HasAvx2() ? Avx2() : Portable();
  return best;
}

}  // namespace mannequin
