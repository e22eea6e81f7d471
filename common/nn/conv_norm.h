// A convolution and its batch norm, which become one for inference.
#pragma once

#include "torch/torch.h"

namespace mannequin {

// Batch norm in evaluation is x * scale + shift, one of each for a channel.
struct Affine {
  torch::Tensor scale, shift;
};
Affine AffineOf(const torch::nn::BatchNorm2d& norm);

// A (transposed) convolution with its batch norm.
// Holds references to modules that its owner has registered.
struct ConvNorm {
  torch::nn::Conv2d conv{nullptr};
  torch::nn::ConvTranspose2d up{nullptr};  // one of the two is set
  torch::nn::BatchNorm2d norm{nullptr};    // empty once folded
  torch::Tensor operator()(const torch::Tensor& x);
  // Merges the two for inference. The convolution gains a bias, which has the device and
  // type of `weights`: torch's Module::to does not reach it.
  void Fold(const torch::TensorOptions& weights);
};

}  // namespace mannequin
