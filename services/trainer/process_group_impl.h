// The group as torch sees it: for those who include torch anyway.
#pragma once

#include <functional>

#include "services/trainer/process_group.h"
#include "torch/csrc/distributed/c10d/Backend.hpp"

namespace mannequin {

struct ProcessGroup::Impl {
  ProcessGroupOptions options;
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  absl::Status failed;

  // Runs what may throw as c10d does. What it throws becomes the group's error, which
  // says that `what` (as "averaging gradients") failed.
  absl::Status Try(const char* what, const std::function<void()>& operation);
  // Begin the sum, or the copy from a rank, of a contiguous tensor on the CPU, in place.
  c10::intrusive_ptr<c10d::Work> BeginSum(const torch::Tensor& tensor);
  c10::intrusive_ptr<c10d::Work> BeginBroadcast(const torch::Tensor& tensor, int from);
};

}  // namespace mannequin
