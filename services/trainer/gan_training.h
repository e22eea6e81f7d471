// The training step: networks, losses, optimizer, average, checkpoints. The one file of
// the trainer that knows torch; this header does not.
//
//   ASSIGN_OR_RETURN(auto training, GanTraining::Create(options));
//   for (...) training->Step(source.Next());
//   StepLosses losses = training->TakeLosses();
//
// One step, as in TAC-GAN, with real images R, texts T, noise z:
//
//   D: source(R, T) = 1, source(R', T) = 0, source(G(z, T), T) = 0, category of T in
//      each; of the image alone: its own category, and where an overlay is.
//      R' is another product's image of the same batch, so its convolutions are done
//      already and only the mix with T is new. An image with an overlay has target 0.
//   G: source(G(z, T), T) = 1, category of T, seen with and without the text. Preset
//      "mannequin" adds the distance of pixels between G(z, T) and R where R is clean:
//      it teaches colour and outline within some hundred steps, while what D says
//      gains weight over the first 4,000.
//
// Real and generated images go through D's convolutions as one batch: its batch norm
// then has the same statistics for both, and they are those that evaluation uses.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "common/nn/shape.h"
#include "services/trainer/batches.h"

namespace mannequin {

struct GanTrainingOptions {
  GanShape shape;
  std::string loss = "lsgan";  // or "bce"
  std::string device;          // as CheckDevice
  double learning_rate = 2e-4;
  std::uint64_t seed = 0;
};

// Means over the steps since they were last taken.
struct StepLosses {
  std::int64_t steps = 0;
  double generator = 0, discriminator = 0;                // all terms
  double generator_source = 0, discriminator_source = 0;  // real or not, matching or not, only
  double fake_deviation = 0;  // of generated pixels over a batch, 0 to 1; 0 when all are alike
  bool finite() const;
};

// Belongs to one thread. Bit-exact from step to step on one CPU thread, whether it was
// interrupted or not.
class GanTraining {
 public:
  // INVALID_ARGUMENT for an unknown preset or loss or a shape out of bounds;
  // CheckDevice's errors.
  // `texts` [M][T], a sample of the training's, makes preset "mannequin" standardise
  // text vectors (TextInput); a checkpoint brings its own.
  static absl::StatusOr<std::unique_ptr<GanTraining>> Create(const GanTrainingOptions& options,
                                                             const std::vector<std::vector<float>>& texts);
  ~GanTraining();

  void Step(const Batch& batch);
  // Waits for the device: call it every few steps only.
  StepLosses TakeLosses();
  // From the next step on.
  void set_learning_rate(double rate);

  // Everything that the next step needs: weights, averages, Adam's moments, the step.
  // Written atomically. `facts` come back from Load.
  absl::Status SaveCheckpoint(const std::string& path, std::int64_t next_step,
                              const std::map<std::string, std::string>& facts) const;
  struct Resumed {
    std::int64_t next_step = 0;
    std::map<std::string, std::string> facts;
  };
  // NOT_FOUND; DATA_LOSS when the file is damaged or is of other networks.
  absl::StatusOr<Resumed> LoadCheckpoint(const std::string& path);

  // generator.safetensors (the average) and discriminator.safetensors into a folder.
  absl::Status SaveNetworks(const std::string& folder) const;

  // Draws with the average, texts [N][T], noise from `seed`.
  std::vector<Pixels> Sample(const std::vector<std::vector<float>>& texts, std::uint64_t seed);

  struct Impl;
  explicit GanTraining(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
