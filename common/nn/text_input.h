// A text vector as the networks read it.
#pragma once

#include "torch/torch.h"

namespace mannequin {

inline constexpr int kProjectedText = 128;  // components of the projected text

// A text vector [N, T]: standardised, then projected to kProjectedText.
class TextInputImpl : public torch::nn::Module {
 public:
  explicit TextInputImpl(int text);
  // Makes the standardised vectors of texts like `sample` [M, T] uncorrelated, with unit
  // variance in each direction that matters. Products of one category have vectors that
  // differ little, yet all that tells their colour and style lies in that little. Before,
  // vectors are only scaled to unit variance of a component.
  void StandardiseAs(const torch::Tensor& sample);
  torch::Tensor Standardised(const torch::Tensor& text);
  torch::Tensor Project(const torch::Tensor& standardised);

 private:
  torch::Tensor mean_, whiten_;  // [T], [T, T]: kept with the weights
  torch::nn::Linear project_{nullptr};
};
TORCH_MODULE(TextInput);

}  // namespace mannequin
