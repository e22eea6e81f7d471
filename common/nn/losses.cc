#include "common/nn/losses.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mannequin {

absl::StatusOr<GanLossKind> ParseGanLoss(absl::string_view name, absl::string_view preset) {
  const bool relativistic = preset == "mannequin";
  if (name.empty()) return relativistic ? GanLossKind::kRelativistic : GanLossKind::kLsgan;
  for (const GanLossKind kind : {GanLossKind::kLsgan, GanLossKind::kBce, GanLossKind::kRelativistic}) {
    if (name != GanLossName(kind)) continue;
    if ((kind == GanLossKind::kRelativistic) == relativistic) return kind;
    return absl::InvalidArgumentError(absl::StrCat("loss: preset \"", preset, "\" does not take \"", name, "\" but ",
                                                   relativistic ? "\"relativistic\"" : "\"lsgan\" or \"bce\""));
  }
  return absl::InvalidArgumentError(absl::StrCat("loss: \"", name, "\" is not \"relativistic\", \"lsgan\" or \"bce\""));
}

const char* GanLossName(GanLossKind kind) {
  switch (kind) {
    case GanLossKind::kLsgan:
      return "lsgan";
    case GanLossKind::kBce:
      return "bce";
    case GanLossKind::kRelativistic:
      return "relativistic";
  }
  return "";
}

torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, double target) {
  return SourceLoss(kind, logits, torch::full({}, target, logits.options().dtype(at::kFloat)).expand(logits.sizes()));
}

torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, const torch::Tensor& targets) {
  const torch::Tensor plain = logits.to(at::kFloat);
  if (kind == GanLossKind::kLsgan) return torch::mse_loss(plain, targets);
  return torch::binary_cross_entropy_with_logits(plain, targets);
}

torch::Tensor PairLoss(const torch::Tensor& winner, const torch::Tensor& loser) {
  return torch::softplus(loser.to(at::kFloat) - winner.to(at::kFloat)).mean();
}

torch::Tensor GradientPenalty(const torch::Tensor& logits, const torch::Tensor& images) {
  const torch::Tensor gradient = torch::autograd::grad({logits.to(at::kFloat).sum()}, {images}, /*grad_outputs=*/{},
                                                       /*retain_graph=*/true, /*create_graph=*/true)[0];
  return gradient.to(at::kFloat).square().sum({1, 2, 3}).mean();
}

Ema::Ema(const torch::nn::Module& live, torch::nn::Module& average, double decay) : decay_(decay) {
  torch::NoGradGuard no_grad;
  for (const torch::Tensor& tensor : live.parameters()) live_.push_back(tensor.detach());
  for (const torch::Tensor& tensor : average.parameters()) average_.push_back(tensor.detach());
  live_buffers_ = live.buffers();
  average_buffers_ = average.buffers();
  for (std::size_t i = 0; i < live_.size(); ++i) average_[i].copy_(live_[i]);
  for (std::size_t i = 0; i < live_buffers_.size(); ++i) average_buffers_[i].copy_(live_buffers_[i]);
}

void Ema::Update() {
  torch::NoGradGuard no_grad;
  const double n = static_cast<double>(updates_++);
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  at::_foreach_lerp_(average_, live_, 1 - decay);
  for (std::size_t i = 0; i < live_buffers_.size(); ++i) average_buffers_[i].copy_(live_buffers_[i]);
}

}  // namespace mannequin
