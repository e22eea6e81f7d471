// Weights as bundles have them.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "torch/torch.h"

namespace mannequin {

// Matrices and kernels as bfloat16, in which they serve wherever it is fast; what reads texts
// ("text.") and vectors stay float32. Errors of the file.
absl::Status SaveForServing(const torch::nn::Module& module, const std::string& path);

}  // namespace mannequin
