// A training in progress: networks, optimizers, average, checkpoints. This header does not
// know torch.
//
//   ASSIGN_OR_RETURN(auto training, GanTraining::Create(options, texts));
//   for (...) training->Step(source.Next());
//   v1::TrainingPoint point = training->TakePoint();
//
// What a step does is the preset's: tacgan_step.cc, mannequin_step.cc.
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
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/batches.h"
#include "services/trainer/process_group.h"

namespace mannequin {

struct GanTrainingOptions {
  GanShape shape;
  std::string loss;    // "relativistic", "lsgan" or "bce"; empty: the preset's
  std::string device;  // as CheckDevice
  double learning_rate = 2e-4;
  std::uint64_t seed = 0;
};

// Belongs to one thread. Bit-exact from step to step on one CPU thread, whether it was
// interrupted or not.
class GanTraining {
 public:
  // INVALID_ARGUMENT for an unknown preset, a loss that it does not take or a shape out of
  // bounds; CheckDevice's errors.
  // `texts` [M][T], a sample of the training's, makes preset "mannequin" standardise
  // text vectors (TextInput); a checkpoint brings its own.
  static absl::StatusOr<std::unique_ptr<GanTraining>> Create(const GanTrainingOptions& options,
                                                             const std::vector<std::vector<float>>& texts);
  ~GanTraining();

  // With a group: on this process's share of the batch (ShardOf), all processes together;
  // then ProcessGroup's errors, after which the training must go on from a checkpoint.
  absl::Status Step(const Batch& batch);
  // From now on the gradients of each step are the means over the group's processes. Every
  // process calls it, once and after each LoadCheckpoint; all then have what rank 0 has.
  // `group` outlives this. ProcessGroup's errors.
  absl::Status Join(ProcessGroup* group);
  // Means over the steps since they were last taken; health, images_per_second and
  // data_wait are left to the caller. Waits for the device: call it every few steps only.
  v1::TrainingPoint TakePoint();
  double learning_rate() const;
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

  // Draws with the average, texts [N][T], noise from `seed`, at the side that is trained by now.
  std::vector<Pixels> Sample(const std::vector<std::vector<float>>& texts, std::uint64_t seed);

  struct Impl;
  explicit GanTraining(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
