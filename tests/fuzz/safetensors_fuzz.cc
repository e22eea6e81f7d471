// Files of weights: what is taken is written again as the same tensors.
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/safetensors.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = mannequin::ParseSafetensors(absl::string_view(reinterpret_cast<const char*>(data), size), "fuzzed");
  if (!file.ok()) {
    FUZZ_CHECK(absl::IsDataLoss(file.status()));
    return 0;
  }
  for (const auto& [name, tensor] : file->tensors) {
    std::int64_t elements = 1;
    for (const std::int64_t side : tensor.shape) {
      FUZZ_CHECK(side >= 0);
      elements *= side;
    }
    FUZZ_CHECK(static_cast<std::int64_t>(tensor.bytes.size()) == elements * mannequin::DtypeSize(tensor.dtype));
    (void)file->Floats(name, tensor.shape);
  }
  const auto bytes = mannequin::SerializeSafetensors(file->tensors, file->metadata);
  FUZZ_CHECK(bytes.ok());
  const auto again = mannequin::ParseSafetensors(*bytes, "again");
  FUZZ_CHECK(again.ok() && again->tensors.size() == file->tensors.size() && again->metadata == file->metadata);
  return 0;
}
