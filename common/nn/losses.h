// The losses of the two-player game, and the average of weights that draws best.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torch/torch.h"

namespace mannequin {

enum class GanLossKind {
  kLsgan,  // (logit - target)^2; Mao et al. 2017, https://arxiv.org/abs/1611.04076
  kBce,    // binary cross-entropy of sigmoid(logit)
};

// "lsgan" (or empty) or "bce". INVALID_ARGUMENT for another word.
absl::StatusOr<GanLossKind> ParseGanLoss(absl::string_view name);
const char* GanLossName(GanLossKind kind);

// Mean over all logits against `target` (0 or 1, one for all or one each), in float32.
torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, double target);
torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, const torch::Tensor& targets);

// Exponential moving average of a module's parameters. Buffers (batch norm's running
// statistics, averages already) are copied as they are. Not thread-safe.
class Ema {
 public:
  // `average` has the same layers as `live` and starts as its copy.
  Ema(const torch::nn::Module& live, torch::nn::Module& average, double decay);
  // After each step. The decay starts low, min(decay, (1 + n) / (10 + n)), so that a
  // short training is not dominated by its first weights.
  void Update();
  std::int64_t updates() const { return updates_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

 private:
  const double decay_;
  std::int64_t updates_ = 0;
  std::vector<torch::Tensor> live_, average_;
  std::vector<torch::Tensor> live_buffers_, average_buffers_;
};

}  // namespace mannequin
