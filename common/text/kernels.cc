#include "common/text/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mannequin {
namespace {

constexpr float kFitLimit = 16;  // of a logit; beyond, its sigmoid is 0 or 1 to a float

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

void FitPortable(const float* rows, const FitTargets& targets, int n, int dim, float lr, float* x) {
  float* pointers[Kernels::kMaxFit] = {};
  float g[Kernels::kMaxFit] = {};
  // The rows stay: dot and gather only read.
  for (int i = 0; i < n; ++i) pointers[i] = const_cast<float*>(rows) + static_cast<std::ptrdiff_t>(i) * dim;
  DotPortable(x, pointers, n, dim, g);
  for (int i = 0; i < n; ++i) {
    const float z = std::clamp(targets.scales[i] * g[i] + targets.biases[i], -kFitLimit, kFitLimit);
    g[i] = lr * targets.scales[i] * (targets.labels[i] - 1 / (1 + std::exp(-z)));
  }
  GatherPortable(pointers, g, n, dim, x);
}

}  // namespace

const Kernels& Kernels::Portable() {
  static constexpr Kernels kKernels = {DotPortable, UpdatePortable, GatherPortable, AddPortable, FitPortable};
  return kKernels;
}

const Kernels& Kernels::Best() {
  static const Kernels& best = HasAvx2() ? Avx2() : Portable();
  return best;
}

}  // namespace mannequin
