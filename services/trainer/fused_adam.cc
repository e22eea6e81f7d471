#include "services/trainer/fused_adam.h"

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

FusedAdam::FusedAdam(const torch::nn::Module& module, double beta1, double beta2) : beta1_(beta1), beta2_(beta2) {
  for (const auto& item : module.named_parameters()) {
    names_.push_back(item.key());
    parameters_.push_back(item.value());
    first_.push_back(torch::zeros_like(item.value()));
    second_.push_back(torch::zeros_like(item.value()));
    steps_.push_back(torch::zeros({}, item.value().options().dtype(at::kFloat)));
  }
}

void FusedAdam::Join(ProcessGroup* group) { reducer_ = std::make_unique<GradientReducer>(group, parameters_); }

torch::Tensor FusedAdam::Step(double rate) {
  torch::NoGradGuard no_grad;
  if (reducer_ && status_.ok()) status_ = reducer_->Reduce();
  if (!status_.ok()) return torch::zeros({}, parameters_.front().options());
  std::vector<torch::Tensor> weights, gradients, first, second, steps;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& gradient = parameters_[i].mutable_grad();
    // A layer that the step did not reach, e.g. of a side that is not trained yet.
    if (!gradient.defined()) continue;
    weights.push_back(parameters_[i].detach());
    gradients.push_back(gradient);
    first.push_back(first_[i]);
    second.push_back(second_[i]);
    steps.push_back(steps_[i]);
    gradient = torch::Tensor();
  }
  const torch::Tensor norm = torch::stack(at::_foreach_norm(gradients)).norm();
  at::_foreach_add_(steps, 1);
  at::_fused_adam_(weights, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, rate, beta1_, beta2_,
                   /*weight_decay=*/0, kEpsilon, /*amsgrad=*/false, /*maximize=*/false);
  return norm;
}

void FusedAdam::AddState(const std::string& prefix, TensorMap& tensors) const {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    tensors[absl::StrCat(prefix, names_[i], ".m")] = first_[i];
    tensors[absl::StrCat(prefix, names_[i], ".v")] = second_[i];
    tensors[absl::StrCat(prefix, names_[i], ".step")] = steps_[i];
  }
}

}  // namespace mannequin
