// The inner loops of doc2vec: one vector against a handful of rows. AVX2 + FMA where
// the machine has them, plain C++ elsewhere; both agree but for rounding.
//
//   const Kernels& k = Kernels::Best();
//   k.dot(x, rows, n, dim, dots);          // dots[i] = x . rows[i]
//   k.update(x, rows, g, n, dim, error);   // error += sum g[i] rows[i];  rows[i] += g[i] x
//   k.misses(labels, n, lr, dots);         // dots[i] = lr (labels[i] - sigmoid(dots[i]))
#pragma once

namespace mannequin {

// `dim` is a multiple of kLane; rows need no alignment. Rows may repeat: then they are
// updated one after the other.
struct Kernels {
  static constexpr int kLane = 8;
  static constexpr int PaddedDimension(int dimension) { return (dimension + kLane - 1) / kLane * kLane; }

  void (*dot)(const float* x, const float* const* rows, int n, int dim, float* dots);
  void (*update)(const float* x, float* const* rows, const float* g, int n, int dim, float* error);
  // sum[j] += sum over i of g[i] rows[i][j]; the rows stay.
  void (*gather)(const float* const* rows, const float* g, int n, int dim, float* sum);
  // y += a x.
  void (*add)(float a, const float* x, int dim, float* y);
  // dots[i] = lr (labels[i] - sigmoid(dots[i])), exact to 1e-6 of lr.
  void (*misses)(const float* labels, int n, float lr, float* dots);

  static const Kernels& Portable();
  static bool HasAvx2();
  // Needs HasAvx2().
  static const Kernels& Avx2();
  static const Kernels& Best();
};

}  // namespace mannequin
