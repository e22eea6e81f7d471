// Named tensors in one file, in the safetensors format, without a tensor library.
//
//   RETURN_IF_ERROR(WriteSafetensors(path, {{"w", FloatTensor({2, 3}, values)}}, {{"mode", "pv-dbow"}}));
//   ASSIGN_OR_RETURN(Safetensors file, ReadSafetensors(path));
//   ASSIGN_OR_RETURN(absl::Span<const float> w, file.Floats("w", {2, 3}));
//
// The format (https://github.com/huggingface/safetensors#format), little-endian:
//
//   8 bytes    N, the header's length
//   N bytes    JSON: {"__metadata__": {key: text}, name: {"dtype": "F32", "shape": [2, 3],
//              "data_offsets": [begin, end]}}, padded with spaces to a multiple of 8
//   the rest   the tensors, row-major, at [begin, end) of this part, without gaps
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mannequin {

struct Tensor {
  // "F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U8" or "BOOL".
  std::string dtype;
  std::vector<std::int64_t> shape;
  // Row-major, little-endian: product of `shape` elements.
  std::string bytes;
};

Tensor FloatTensor(std::vector<std::int64_t> shape, absl::Span<const float> values);

// The bytes of an element; 0 for a dtype that is not one of ours.
std::int64_t DtypeSize(absl::string_view dtype);

struct Safetensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;

  // The F32 tensor `name`, which must have this shape; -1 stands for any length. Lives
  // as long as this object. DATA_LOSS: no such tensor, another dtype or shape.
  absl::StatusOr<absl::Span<const float>> Floats(const std::string& name, const std::vector<std::int64_t>& shape) const;
  // As it stands. DATA_LOSS when it is not there.
  absl::StatusOr<std::string> Metadata(const std::string& key) const;
};

// INVALID_ARGUMENT for a tensor whose bytes do not fit its dtype and shape, or named
// "__metadata__"; otherwise as WriteFileAtomically.
absl::Status WriteSafetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata);
absl::StatusOr<std::string> SerializeSafetensors(const std::map<std::string, Tensor>& tensors,
                                                 const std::map<std::string, std::string>& metadata);

// NOT_FOUND and the like as ReadFile; DATA_LOSS, naming the fault, for bytes that are
// not a whole, well-formed file (header over 16 MiB, duplicate or overlapping tensors
// and unclaimed bytes included).
absl::StatusOr<Safetensors> ReadSafetensors(const std::string& path);
absl::StatusOr<Safetensors> ParseSafetensors(absl::string_view bytes, absl::string_view name);

}  // namespace mannequin
