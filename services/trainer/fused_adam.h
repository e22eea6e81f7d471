// Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980) as one fused call over all
// tensors of a network.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/nn/weights.h"
#include "services/trainer/gradient_reducer.h"
#include "torch/torch.h"

namespace mannequin {

class FusedAdam {
 public:
  // `module` outlives this.
  FusedAdam(const torch::nn::Module& module, double beta1, double beta2);
  // With the gradients that the last backward pass left, which are then dropped. Their L2
  // norm, a scalar on the device.
  torch::Tensor Step(double rate);
  // From now on with the means of the group's gradients; once one could not be had, no step
  // changes anything any more.
  void Join(ProcessGroup* group);
  const absl::Status& status() const { return status_; }
  // Adds its moments under `prefix`, sharing their storage.
  void AddState(const std::string& prefix, TensorMap& tensors) const;

 private:
  const double beta1_, beta2_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_, first_, second_, steps_;
  std::unique_ptr<GradientReducer> reducer_;  // of a group
  absl::Status status_;
};

}  // namespace mannequin
