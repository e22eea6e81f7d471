#include "common/nn/conv_norm.h"

namespace mannequin {

Affine AffineOf(const torch::nn::BatchNorm2d& norm) {
  const torch::Tensor scale = norm->weight / torch::sqrt(norm->running_var + norm->options.eps());
  return {scale, norm->bias - norm->running_mean * scale};
}

torch::Tensor ConvNorm::operator()(const torch::Tensor& x) {
  const torch::Tensor y = conv ? conv(x) : up(x);
  return norm ? norm(y) : y;
}

void ConvNorm::Fold(const torch::TensorOptions& weights) {
  torch::NoGradGuard no_grad;
  const Affine affine = AffineOf(norm);
  if (conv) {  // weight [out, in, h, w]
    conv->weight.mul_(affine.scale.view({-1, 1, 1, 1}));
    conv->bias = affine.shift.to(weights);
  } else {  // weight [in, out, h, w]
    up->weight.mul_(affine.scale.view({1, -1, 1, 1}));
    up->bias = affine.shift.to(weights);
  }
  norm = torch::nn::BatchNorm2d(nullptr);
}

}  // namespace mannequin
