// Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980) as one fused call over all
// tensors of a network.
#pragma once

#include <string>
#include <vector>

#include "common/nn/weights.h"
#include "torch/torch.h"

namespace mannequin {

class FusedAdam {
 public:
  // `module` outlives this.
  FusedAdam(const torch::nn::Module& module, double beta1, double beta2);
  // With the gradients that the last backward pass left, which are then dropped. Their L2
  // norm, a scalar on the device.
  torch::Tensor Step(double rate);
  // Adds its moments under `prefix`, sharing their storage.
  void AddState(const std::string& prefix, TensorMap& tensors) const;

 private:
  const double beta1_, beta2_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_, first_, second_, steps_;
};

}  // namespace mannequin
