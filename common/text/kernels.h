// The inner loops of doc2vec: one vector against a handful of rows. AVX2 + FMA where
// the machine has them, plain C++ elsewhere; both agree but for rounding.
//
//   const Kernels& k = Kernels::Best();
//   k.dot(x, rows, n, dim, dots);          // dots[i] = x . rows[i]
//   k.update(x, rows, g, n, dim, error);   // error += sum g[i] rows[i];  rows[i] += g[i] x
//   k.fit(rows, targets, n, dim, lr, x);   // a step of logistic regression of x on n rows
#pragma once

namespace mannequin {

// What Kernels::fit wants of each row: sigmoid(scale (x . row) + bias) near label. A scale
// of 0 leaves the row out.
struct FitTargets {
  const float *labels, *scales, *biases;
};

// `dim` is a multiple of kLane; rows need no alignment. Rows may repeat: then they are
// updated one after the other.
struct Kernels {
  static constexpr int kLane = 8;
  static constexpr int PaddedDimension(int dimension) { return (dimension + kLane - 1) / kLane * kLane; }

  void (*dot)(const float* x, float* const* rows, int n, int dim, float* dots);
  void (*update)(const float* x, float* const* rows, const float* g, int n, int dim, float* error);
  // sum[j] += sum over i of g[i] rows[i][j]; the rows stay.
  void (*gather)(float* const* rows, const float* g, int n, int dim, float* sum);
  // y += a x.
  void (*add)(float a, const float* x, int dim, float* y);
  // x += lr * sum over i of scales[i] (labels[i] - sigmoid(scales[i] (x . row i) + biases[i])) row i.
  // `rows` lie one after the other; n is a multiple of kFitStep, up to kMaxFit.
  static constexpr int kFitStep = 4, kMaxFit = 64;
  void (*fit)(const float* rows, const FitTargets& targets, int n, int dim, float lr, float* x);

  static const Kernels& Portable();
  static bool HasAvx2();
  // Needs HasAvx2().
  static const Kernels& Avx2();
  static const Kernels& Best();
};

}  // namespace mannequin
