#include "services/trainer/weight_files.h"

#include "absl/strings/match.h"
#include "common/nn/weights.h"

namespace mannequin {

absl::Status SaveForServing(const torch::nn::Module& module, const std::string& path) {
  TensorMap tensors = NamedTensors(module);
  for (auto& [name, tensor] : tensors) {
    const bool text = absl::StartsWith(name, "text.");
    if (!text && tensor.dim() > 1 && tensor.is_floating_point()) tensor = tensor.detach().to(at::kBFloat16);
  }
  return SaveTensors(path, tensors);
}

}  // namespace mannequin
