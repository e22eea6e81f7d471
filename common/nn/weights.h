// Networks to and from safetensors files.
//
//   RETURN_IF_ERROR(SaveWeights(*generator, folder + "/generator.safetensors"));
//   RETURN_IF_ERROR(LoadWeights(*generator, folder + "/generator.safetensors"));
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "torch/torch.h"

namespace mannequin {

using TensorMap = std::map<std::string, torch::Tensor>;
using Metadata = std::map<std::string, std::string>;

// Parameters and buffers by their name in the module; the tensors share its storage.
TensorMap NamedTensors(const torch::nn::Module& module);

// Written atomically, with a SHA-256 of it all in the metadata. `bf16` stores floating-point tensors as bfloat16: half
// the size, three significant digits.
absl::Status SaveTensors(const std::string& path, const TensorMap& tensors, const Metadata& metadata = {},
                         bool bf16 = false);
absl::Status SaveWeights(const torch::nn::Module& module, const std::string& path, bool bf16 = false);

struct LoadedTensors {
  TensorMap tensors;  // on the CPU, contiguous
  Metadata metadata;
};
// NOT_FOUND; DATA_LOSS for a damaged file, one that differs from its checksum, or a dtype that torch does not have.
absl::StatusOr<LoadedTensors> LoadTensors(const std::string& path);

// Copies `from` into `into`, by name. DATA_LOSS, naming the tensor, when one is missing,
// left over, of another shape or another kind (integer or floating point); `into` is
// then unchanged. `where` begins the message.
absl::Status CopyTensors(const TensorMap& from, const TensorMap& into, const std::string& where);

// LoadTensors, then CopyTensors into the module.
absl::Status LoadWeights(torch::nn::Module& module, const std::string& path);

}  // namespace mannequin
