// One step of the two-player game, by each preset's losses. Torch's side of gan_training.h.
#pragma once

#include <cstdint>
#include <memory>

#include "common/nn/losses.h"
#include "common/nn/networks.h"
#include "services/trainer/fused_adam.h"

namespace mannequin {

// A network with its optimizer.
template <typename Net>
struct Player {
  std::shared_ptr<Net> net;
  std::unique_ptr<FusedAdam> adam;
};

struct Players {
  Player<GeneratorNet> generator;
  Player<DiscriminatorNet> discriminator;
};

// A batch on the device. Rows before `clean` have no overlay.
struct StepInput {
  std::int64_t step = 0;
  std::int64_t clean = 0;
  int side = 0;           // S
  torch::Tensor real;     // [B, 3, S, S] in [-1, 1], channels last
  torch::Tensor text;     // [B, T]
  torch::Tensor labels;   // [B] int64
  torch::Tensor honest;   // [B], see Batch
  torch::Tensor overlay;  // [B, 1, R/8, R/8]
  double rate = 0;        // Adam's
};

// Figures of a step, in TrainingPoint's order from loss_generator to diversity: [7],
// float32, on the device.
inline constexpr std::int64_t kStepFigures = 7;

class TrainingStep {
 public:
  virtual ~TrainingStep() = default;
  // Draws noise from torch's default generator, which the caller has seeded.
  virtual torch::Tensor Run(Players& players, const StepInput& input) = 0;
};

// As in TAC-GAN; see gan_training.h. `loss` is kLsgan or kBce.
std::unique_ptr<TrainingStep> MakeTacganStep(const GanShape& shape, GanLossKind loss);
// See mannequin_step.cc.
std::unique_ptr<TrainingStep> MakeMannequinStep(const GanShape& shape);

// bfloat16 for the operations that gain from it, while it lives, where the device is fast
// at it (FastBf16).
class Autocast {
 public:
  explicit Autocast(c10::Device device);
  ~Autocast();

 private:
  const c10::DeviceType type_;
  const bool on_;
};

// No gradients of these weights while it lives: a pass through the network to what lies
// before it does not compute what nobody wants.
class Frozen {
 public:
  explicit Frozen(torch::nn::Module& module);
  ~Frozen();

 private:
  torch::nn::Module& module_;
};

torch::Tensor CategoryLoss(const torch::Tensor& logits, const torch::Tensor& labels);
// Of the map of overlays: painted cells are few, so they weigh more.
torch::Tensor OverlayLoss(const torch::Tensor& logits, const torch::Tensor& cells);
// How far the images of a batch are from each other, see TrainingPoint.diversity.
torch::Tensor DiversityOf(const torch::Tensor& images);

}  // namespace mannequin
