#include "services/trainer/training_step.h"

#include "ATen/autocast_mode.h"
#include "common/nn/torch_device.h"

namespace mannequin {
namespace {

constexpr double kPaintedWeight = 4;

}  // namespace

Autocast::Autocast(c10::Device device) : type_(device.type()), on_(FastBf16(device)) {
  if (!on_) return;
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
}

Autocast::~Autocast() {
  if (!on_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, false);
}

Frozen::Frozen(torch::nn::Module& module) : module_(module) {
  for (torch::Tensor& weight : module_.parameters()) weight.set_requires_grad(false);
}

Frozen::~Frozen() {
  for (torch::Tensor& weight : module_.parameters()) weight.set_requires_grad(true);
}

torch::Tensor CategoryLoss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return torch::nn::functional::cross_entropy(logits.to(at::kFloat), labels);
}

torch::Tensor OverlayLoss(const torch::Tensor& logits, const torch::Tensor& cells) {
  const torch::Tensor weight = cells * (kPaintedWeight - 1) + 1;
  return torch::binary_cross_entropy_with_logits(logits.to(at::kFloat), cells, weight);
}

torch::Tensor DiversityOf(const torch::Tensor& images) { return images.detach().to(at::kFloat).std(0).mean() / 2; }

}  // namespace mannequin
