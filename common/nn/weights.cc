#include "common/nn/weights.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/safetensors.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::pair<const char*, at::ScalarType> kTypes[] = {
    {"F32", at::kFloat}, {"F64", at::kDouble}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I64", at::kLong},
    {"I32", at::kInt},   {"I16", at::kShort},  {"I8", at::kChar},  {"U8", at::kByte},       {"BOOL", at::kBool}};

const char* NameOf(at::ScalarType type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return name;
  }
  return nullptr;
}

std::optional<at::ScalarType> TypeOf(const std::string& dtype) {
  for (const auto& [name, type] : kTypes) {
    if (dtype == name) return type;
  }
  return std::nullopt;
}

// "F32[3, 64]".
std::string Describe(const torch::Tensor& tensor) {
  const char* type = NameOf(tensor.scalar_type());
  return absl::StrCat(type == nullptr ? "?" : type, "[", absl::StrJoin(tensor.sizes(), ", "), "]");
}

constexpr char kChecksum[] = "sha256";

// Of names, types, shapes, bytes and the metadata.
std::string ChecksumOf(const std::map<std::string, Tensor>& tensors, const Metadata& metadata) {
  std::string hashes;
  for (const auto& [name, tensor] : tensors) {
    absl::StrAppend(&hashes, name, " ", tensor.dtype, " ", absl::StrJoin(tensor.shape, ","), " ",
                    Sha256Hex(tensor.bytes), "\n");
  }
  for (const auto& [key, text] : metadata) {
    if (key != kChecksum) absl::StrAppend(&hashes, key, " ", text, "\n");
  }
  return Sha256Hex(hashes);
}

}  // namespace

TensorMap NamedTensors(const torch::nn::Module& module) {
  TensorMap tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace(item.key(), item.value().detach());
  for (const auto& item : module.named_buffers()) tensors.emplace(item.key(), item.value().detach());
  return tensors;
}

absl::Status SaveTensors(const std::string& path, const TensorMap& tensors, const Metadata& metadata, bool bf16) {
  std::map<std::string, Tensor> out;
  for (const auto& [name, tensor] : tensors) {
    torch::Tensor plain = tensor.detach();
    if (bf16 && plain.is_floating_point()) plain = plain.to(at::kBFloat16);
    plain = plain.to(at::kCPU).contiguous();
    const char* dtype = NameOf(plain.scalar_type());
    if (dtype == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, ": its type cannot be stored"));
    out[name] = {dtype, plain.sizes().vec(), std::string(static_cast<const char*>(plain.data_ptr()), plain.nbytes())};
  }
  Metadata with_checksum = metadata;
  with_checksum[kChecksum] = ChecksumOf(out, metadata);
  return WriteSafetensors(path, out, with_checksum);
}

absl::Status SaveWeights(const torch::nn::Module& module, const std::string& path, bool bf16) {
  return SaveTensors(path, NamedTensors(module), {}, bf16);
}

absl::StatusOr<LoadedTensors> LoadTensors(const std::string& path) {
  ASSIGN_OR_RETURN(Safetensors file, ReadSafetensors(path));
  const auto checksum = file.metadata.find(kChecksum);
  if (checksum != file.metadata.end() && checksum->second != ChecksumOf(file.tensors, file.metadata)) {
    return absl::DataLossError(absl::StrCat(path, ": differs from its checksum"));
  }
  file.metadata.erase(kChecksum);
  LoadedTensors loaded;
  loaded.metadata = std::move(file.metadata);
  for (const auto& [name, tensor] : file.tensors) {
    const std::optional<at::ScalarType> type = TypeOf(tensor.dtype);
    if (!type) return absl::DataLossError(absl::StrCat(path, ": ", name, ": dtype ", tensor.dtype, " is not known"));
    torch::Tensor plain = torch::empty(tensor.shape, *type);
    std::memcpy(plain.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    loaded.tensors.emplace(name, std::move(plain));
  }
  return loaded;
}

absl::Status CopyTensors(const TensorMap& from, const TensorMap& into, const std::string& where) {
  for (const auto& [name, target] : into) {
    const auto found = from.find(name);
    if (found == from.end()) return absl::DataLossError(absl::StrCat(where, ": tensor \"", name, "\" is missing"));
    const torch::Tensor& source = found->second;
    if (source.sizes() != target.sizes() || source.is_floating_point() != target.is_floating_point()) {
      return absl::DataLossError(
          absl::StrCat(where, ": tensor \"", name, "\" is ", Describe(source), ", expected ", Describe(target)));
    }
  }
  for (const auto& [name, source] : from) {
    if (into.find(name) == into.end()) {
      return absl::DataLossError(absl::StrCat(where, ": tensor \"", name, "\" belongs to no layer"));
    }
  }
  torch::NoGradGuard no_grad;
  for (const auto& [name, target] : into) {
    torch::Tensor writable = target;
    writable.copy_(from.at(name));
  }
  return absl::OkStatus();
}

absl::Status LoadWeights(torch::nn::Module& module, const std::string& path) {
  ASSIGN_OR_RETURN(const LoadedTensors loaded, LoadTensors(path));
  return CopyTensors(loaded.tensors, NamedTensors(module), path);
}

}  // namespace mannequin
