// Trains the network that judges listings (common/nn/judge_net.h) on the training products of
// a pack of JudgeSide: their category, their colour, their text among those of the batch, and where an
// overlay lies that was painted for it. This header does not know torch.
//
//   ASSIGN_OR_RETURN(v1::JudgeInfo info, TrainJudge(*pack, options, folder + "/judge.safetensors", progress));
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/v1/bundle.pb.h"
#include "services/trainer/pack.h"

namespace mannequin {

struct JudgeTrainingOptions {
  std::uint64_t seed = 0;
  std::string device;      // as CheckDevice
  std::int64_t steps = 0;  // 0: JudgeStepsFor
  // A file that keeps where the training stands, every kJudgeCheckpointSteps and when it is stopped; one of the same
  // seed, steps and images is gone on from, as if there had been no stop. Empty: none.
  std::string checkpoint = {};
};
inline constexpr std::int64_t kJudgeCheckpointSteps = 250;

struct JudgeProgress {
  std::int64_t step = 0, steps = 0;
  double loss = 0;  // mean since the last
  double images_per_second = 0;
};

// 20 times each image, but at least 20 steps and at most 4,000.
std::int64_t JudgeStepsFor(std::size_t images);

// Writes the weights to `path`, matrices and kernels as bfloat16. `progress` hears of it every
// ten steps; false stops it. CANCELLED then; CheckDevice's errors; those of the files.
absl::StatusOr<v1::JudgeInfo> TrainJudge(const Pack& pack, const JudgeTrainingOptions& options, const std::string& path,
                                         const std::function<bool(const JudgeProgress&)>& progress);

}  // namespace mannequin
