// Keeps networks that several processes train the same: one start, and in each step the mean
// of all their gradients. For those who include torch anyway.
//
//   RETURN_IF_ERROR(BroadcastTensors(group, weights_and_buffers));  // once, and after a checkpoint was loaded
//   GradientReducer reducer(&group, generator->parameters());
//   loss.backward();
//   RETURN_IF_ERROR(reducer.Reduce());
//   optimizer.step();
//
// With a loss that is a mean over the images, the mean of N processes' gradients, each on
// B/N images, is the gradient of one process on all B (BatchShard). That ends where a loss
// or a layer looks across the batch: batch norm has the statistics of its own B/N images,
// and a pair (R', T) is made within the B/N. Both are as in a smaller batch, and so is what
// several GPUs do elsewhere unless they synchronise batch norm.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "services/trainer/process_group.h"
#include "torch/torch.h"

namespace mannequin {

// Every tensor becomes what rank 0 has, whatever its type. Errors of ProcessGroup.
absl::Status BroadcastTensors(ProcessGroup& group, const std::vector<torch::Tensor>& tensors);

// Every float32 tensor becomes its mean over the processes; for batch norm's running
// statistics before they are saved. Errors of ProcessGroup.
absl::Status AverageTensors(ProcessGroup& group, const std::vector<torch::Tensor>& tensors);

// Not thread-safe.
class GradientReducer {
 public:
  // `group` outlives it. `parameters` are float32, of the same sizes and order in every
  // process.
  GradientReducer(ProcessGroup* group, std::vector<torch::Tensor> parameters);

  // After backward: each parameter's gradient becomes the mean over the processes. A
  // parameter without a gradient counts as zero. Errors of ProcessGroup; the gradients are
  // then of no use.
  absl::Status Reduce();

 private:
  ProcessGroup* const group_;
  const std::vector<torch::Tensor> parameters_;
};

}  // namespace mannequin
