// Checkpoints of one training in its folder: which to keep, which to go on from.
//
//   checkpoint-00001000.safetensors   the last ones, named by the step that comes next
//   best.safetensors                  a hard link to the one with the lowest Fréchet distance
//
//   Checkpoints checkpoints(folder, 2);
//   RETURN_IF_ERROR(checkpoints.Save(training, {.step = 1000, ...}));
//   ASSIGN_OR_RETURN(std::optional<CheckpointFacts> facts, checkpoints.LoadLast(training, warn));
//
// Each is written atomically and carries the SHA-256 of its tensors, which loading checks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/trainer/gan_training.h"

namespace mannequin {

// What a checkpoint says of itself.
struct CheckpointFacts {
  std::int64_t step = 0;                // the next one
  std::vector<std::string> categories;  // of the pack: others are another training
  bool healthy = true;                  // HealthMonitor's word
  double seconds = 0;                   // spent in steps so far, by this job
  double seconds_before = 0;            // by the jobs that it goes on from
  int rollbacks = 0;
  double learning_rate = 0;   // before its schedule
  std::int64_t grows_at = 0;  // first step at the full resolution
};

// Belongs to one thread.
class Checkpoints {
 public:
  // `keep` at least 1: so many of the last stay, and the last healthy one.
  Checkpoints(std::string folder, int keep) : folder_(std::move(folder)), keep_(keep) {}

  // RESOURCE_EXHAUSTED and the like when it cannot be written: the earlier ones are whole,
  // and nothing is left of the new one.
  absl::Status Save(const GanTraining& training, const CheckpointFacts& facts);

  // The newest that is whole; damaged ones are named to `warn` and passed over. Nothing
  // when there is none. DATA_LOSS when there are some and all are damaged;
  // FAILED_PRECONDITION when it is of other categories than `categories`.
  using Warn = std::function<void(const std::string&)>;
  absl::StatusOr<std::optional<CheckpointFacts>> LoadLast(GanTraining& training,
                                                          const std::vector<std::string>& categories, const Warn& warn,
                                                          bool healthy_only = false) const;

  // Marks the checkpoint of `step`, which must have been saved, as the best, when `distance`
  // is below that of the best so far, of this run or one before.
  absl::Status OfferBest(std::int64_t step, double distance);

  // After a rollback: those of later steps belong to a course that was left.
  absl::Status RemoveAfter(std::int64_t step) const;

  static bool AnyIn(const std::string& folder);

 private:
  absl::Status Prune() const;
  std::string PathOf(std::int64_t step) const;

  const std::string folder_;
  const int keep_;
};

}  // namespace mannequin
