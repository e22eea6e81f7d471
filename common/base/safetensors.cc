#include "common/base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace mannequin {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr std::int64_t kMaxTensorBytes = std::int64_t{1} << 40;
constexpr char kMetadataKey[] = "__metadata__";

struct Extent {
  std::uint64_t begin, end;
  std::string name;
};

// The bytes that a tensor of `shape` has, or -1 when a length is negative or it is
// beyond any file.
std::int64_t TensorBytes(absl::string_view dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = DtypeSize(dtype);
  for (const std::int64_t length : shape) {
    if (length < 0) return -1;
    if (length != 0 && bytes > kMaxTensorBytes / length) return -1;
    bytes *= length;
  }
  return bytes;
}

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// The JSON header; a name that stands twice is an error, which the library would hide.
absl::StatusOr<json> ParseHeader(absl::string_view text, absl::string_view file) {
  std::set<std::string> names;
  std::string duplicate;
  const auto callback = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && depth == 1 && !names.insert(value.get<std::string>()).second) {
      duplicate = value.get<std::string>();
    }
    return true;
  };
  json header = json::parse(text.begin(), text.end(), callback, /*allow_exceptions=*/false);
  if (header.is_discarded()) return absl::DataLossError(absl::StrCat(file, ": the header is not JSON"));
  if (!header.is_object()) return absl::DataLossError(absl::StrCat(file, ": the header is not a JSON object"));
  if (!duplicate.empty()) {
    return absl::DataLossError(absl::StrCat(file, ": tensor \"", duplicate, "\" stands twice in the header"));
  }
  return header;
}

absl::Status ParseMetadata(const json& value, absl::string_view file, std::map<std::string, std::string>* metadata) {
  if (!value.is_object()) return absl::DataLossError(absl::StrCat(file, ": __metadata__ is not an object"));
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) {
      return absl::DataLossError(absl::StrCat(file, ": metadata \"", key, "\" is not a text"));
    }
    (*metadata)[key] = text.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ParseTensor(const json& value, const std::string& name, absl::string_view file, Tensor* tensor,
                         Extent* extent) {
  const auto fault = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(file, ": tensor \"", name, "\": ", what));
  };
  if (!value.is_object()) return fault("its entry is not an object");
  const auto dtype = value.find("dtype"), shape = value.find("shape"), offsets = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string()) return fault("no dtype");
  tensor->dtype = dtype->get<std::string>();
  if (DtypeSize(tensor->dtype) == 0) return fault(absl::StrCat("unknown dtype \"", tensor->dtype, "\""));
  if (shape == value.end() || !shape->is_array()) return fault("no shape");
  for (const json& length : *shape) {
    if (!length.is_number_unsigned()) return fault("a length of its shape is not a natural number");
    if (length.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxTensorBytes))
      return fault("its shape is too large");
    tensor->shape.push_back(static_cast<std::int64_t>(length.get<std::uint64_t>()));
  }
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() ||
      !(*offsets)[1].is_number_unsigned()) {
    return fault("data_offsets is not two natural numbers");
  }
  *extent = {(*offsets)[0].get<std::uint64_t>(), (*offsets)[1].get<std::uint64_t>(), name};
  if (extent->begin > extent->end) return fault("data_offsets end before they begin");
  const std::int64_t bytes = TensorBytes(tensor->dtype, tensor->shape);
  if (bytes < 0) return fault("its shape is too large");
  if (extent->end - extent->begin != static_cast<std::uint64_t>(bytes)) {
    return fault(absl::StrCat("has ", extent->end - extent->begin, " bytes where ", tensor->dtype, " ",
                              ShapeText(tensor->shape), " needs ", bytes));
  }
  return absl::OkStatus();
}

}  // namespace

std::int64_t DtypeSize(absl::string_view dtype) {
  if (dtype == "F64" || dtype == "I64") return 8;
  if (dtype == "F32" || dtype == "I32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return 0;
}

Tensor FloatTensor(std::vector<std::int64_t> shape, absl::Span<const float> values) {
  return {"F32", std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
}

absl::StatusOr<absl::Span<const float>> Safetensors::Floats(const std::string& name,
                                                            const std::vector<std::int64_t>& shape) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return absl::DataLossError(absl::StrCat("tensor \"", name, "\" is missing"));
  const Tensor& tensor = found->second;
  bool same = tensor.dtype == "F32" && tensor.shape.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); ++i) same = shape[i] == -1 || shape[i] == tensor.shape[i];
  if (!same) {
    return absl::DataLossError(absl::StrCat("tensor \"", name, "\" is ", tensor.dtype, " ", ShapeText(tensor.shape),
                                            ", expected F32 ", ShapeText(shape)));
  }
  return absl::MakeConstSpan(reinterpret_cast<const float*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(float));
}

absl::StatusOr<std::string> Safetensors::Metadata(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return absl::DataLossError(absl::StrCat("metadata \"", key, "\" is missing"));
  return found->second;
}

absl::StatusOr<std::string> SerializeSafetensors(const std::map<std::string, Tensor>& tensors,
                                                 const std::map<std::string, std::string>& metadata) {
  json header = json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name == kMetadataKey) return absl::InvalidArgumentError("a tensor may not be named __metadata__");
    if (DtypeSize(tensor.dtype) == 0 ||
        TensorBytes(tensor.dtype, tensor.shape) != static_cast<std::int64_t>(tensor.bytes.size())) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", name, "\": ", tensor.bytes.size(), " bytes are not ",
                                                     tensor.dtype, " ", ShapeText(tensor.shape)));
    }
    header[name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeaderBytes) return absl::InvalidArgumentError("the header would be over 16 MiB");
  const std::uint64_t length = text.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof(length));
  out.reserve(out.size() + text.size() + offset);
  out += text;
  for (const auto& [name, tensor] : tensors) out += tensor.bytes;
  return out;
}

absl::Status WriteSafetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  ASSIGN_OR_RETURN(const std::string bytes, SerializeSafetensors(tensors, metadata));
  return WriteFileAtomically(path, bytes);
}

absl::StatusOr<Safetensors> ParseSafetensors(absl::string_view bytes, absl::string_view name) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return absl::DataLossError(absl::StrCat(name, ": shorter than 8 bytes"));
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes.remove_prefix(sizeof(length));
  if (length > kMaxHeaderBytes) {
    return absl::DataLossError(absl::StrCat(name, ": a header of ", length, " bytes is over 16 MiB"));
  }
  if (length > bytes.size()) return absl::DataLossError(absl::StrCat(name, ": the file ends within its header"));
  ASSIGN_OR_RETURN(const json header, ParseHeader(bytes.substr(0, length), name));
  const absl::string_view data = bytes.substr(length);

  Safetensors file;
  std::vector<Extent> extents;
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadataKey) {
      RETURN_IF_ERROR(ParseMetadata(value, name, &file.metadata));
      continue;
    }
    RETURN_IF_ERROR(ParseTensor(value, key, name, &file.tensors[key], &extents.emplace_back()));
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t offset = 0;
  for (const Extent& extent : extents) {
    if (extent.begin < offset)
      return absl::DataLossError(absl::StrCat(name, ": tensor \"", extent.name, "\" overlaps another"));
    if (extent.begin > offset)
      return absl::DataLossError(absl::StrCat(name, ": a gap before tensor \"", extent.name, "\""));
    if (extent.end > data.size()) {
      return absl::DataLossError(absl::StrCat(name, ": the file ends within tensor \"", extent.name, "\""));
    }
    offset = extent.end;
    file.tensors[extent.name].bytes.assign(data.data() + extent.begin, extent.end - extent.begin);
  }
  if (offset != data.size()) {
    return absl::DataLossError(absl::StrCat(name, ": ", data.size() - offset, " bytes after the last tensor"));
  }
  return file;
}

absl::StatusOr<Safetensors> ReadSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseSafetensors(bytes, path);
}

}  // namespace mannequin
