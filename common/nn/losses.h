// The losses of the two-player game, and the average of weights that draws best.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torch/torch.h"

namespace mannequin {

enum class GanLossKind {
  kLsgan,         // (logit - target)^2; Mao et al. 2017, https://arxiv.org/abs/1611.04076
  kBce,           // binary cross-entropy of sigmoid(logit)
  kRelativistic,  // of pairs; Huang et al. 2024, https://arxiv.org/abs/2501.05441
};

// "relativistic", "lsgan" or "bce"; empty: the preset's own. INVALID_ARGUMENT for another
// word, or for one that the preset does not take: "mannequin" takes "relativistic",
// "tacgan" the other two, "lsgan" by itself.
absl::StatusOr<GanLossKind> ParseGanLoss(absl::string_view name, absl::string_view preset);
const char* GanLossName(GanLossKind kind);

// Mean over all logits against `target` (0 or 1, one for all or one each), in float32.
// `kind` is kLsgan or kBce.
torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, double target);
torch::Tensor SourceLoss(GanLossKind kind, const torch::Tensor& logits, const torch::Tensor& targets);

// Mean of softplus(loser - winner) over pairs of logits [N], in float32: log 2 when the two
// are alike.
torch::Tensor PairLoss(const torch::Tensor& winner, const torch::Tensor& loser);

// Mean over images of the squared gradient of `logits` [N] by `images` [N, 3, R, R], which
// must require gradients: R1 on real images (Mescheder et al. 2018,
// https://arxiv.org/abs/1801.04406), R2 on generated ones. Can be differentiated in turn.
torch::Tensor GradientPenalty(const torch::Tensor& logits, const torch::Tensor& images);

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
