#include "services/trainer/gradient_reducer.h"

#include <utility>

#include "common/base/status_macros.h"
#include "services/trainer/process_group_impl.h"

namespace mannequin {
namespace {

// A bucket goes on its way while the next is put together. Smaller ones would cost a round
// trip each, larger ones would leave nothing to overlap.
constexpr std::int64_t kBucketBytes = 8 << 20;

struct Bucket {
  std::vector<torch::Tensor> tensors;
  torch::Tensor flat;  // on the CPU
  c10::intrusive_ptr<c10d::Work> work;
};

// From the last tensor on: gradients of the last layers are there first.
std::vector<Bucket> BucketsOf(const std::vector<torch::Tensor>& tensors) {
  std::vector<Bucket> buckets;
  std::int64_t bytes = kBucketBytes;
  for (auto tensor = tensors.rbegin(); tensor != tensors.rend(); ++tensor) {
    const auto size = static_cast<std::int64_t>(tensor->nbytes());
    if (bytes + size > kBucketBytes) {
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().tensors.push_back(*tensor);
    bytes += size;
  }
  return buckets;
}

torch::Tensor Flatten(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& tensor : tensors) flat.push_back(tensor.reshape({-1}));
  return torch::cat(flat).to(torch::kCPU);
}

// The inverse: views of `flat` in the tensors' shapes, copied into them.
void CopyBack(const torch::Tensor& flat, const std::vector<torch::Tensor>& tensors) {
  const torch::Tensor there = flat.to(tensors.front().device());
  std::int64_t at = 0;
  for (const torch::Tensor& tensor : tensors) {
    tensor.copy_(there.narrow(0, at, tensor.numel()).view(tensor.sizes()));
    at += tensor.numel();
  }
}

}  // namespace

absl::Status BroadcastTensors(ProcessGroup& group, const std::vector<torch::Tensor>& tensors) {
  torch::NoGradGuard no_grad;
  return group.impl().Try("sharing the weights", [&] {
    for (const torch::Tensor& tensor : tensors) {
      if (tensor.numel() == 0) continue;
      torch::Tensor copy = tensor.detach().to(torch::kCPU).contiguous().clone();
      group.impl().BeginBroadcast(copy.reshape({-1}).view(torch::kByte), 0)->wait();
      tensor.detach().copy_(copy);
    }
  });
}

absl::Status AverageTensors(ProcessGroup& group, const std::vector<torch::Tensor>& tensors) {
  if (group.world_size() == 1) return absl::OkStatus();
  torch::NoGradGuard no_grad;
  std::vector<Bucket> buckets = BucketsOf(tensors);
  return group.impl().Try("averaging gradients", [&] {
    for (Bucket& bucket : buckets) {
      bucket.flat = Flatten(bucket.tensors);
      bucket.work = group.impl().BeginSum(bucket.flat);
    }
    for (Bucket& bucket : buckets) {
      bucket.work->wait();
      CopyBack(bucket.flat.div_(group.world_size()), bucket.tensors);
    }
  });
}

GradientReducer::GradientReducer(ProcessGroup* group, std::vector<torch::Tensor> parameters)
    : group_(group), parameters_(std::move(parameters)) {}

absl::Status GradientReducer::Reduce() {
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters_) {
    torch::Tensor& gradient = parameter.mutable_grad();
    if (!gradient.defined()) gradient = torch::zeros_like(parameter);
    gradients.push_back(gradient);
  }
  return AverageTensors(*group_, gradients);
}

}  // namespace mannequin
