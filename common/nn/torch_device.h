// Where networks run, as torch says it: for those who include torch anyway.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c10/core/Device.h"

namespace mannequin {

// As CheckDevice, with the device.
absl::StatusOr<c10::Device> PickDevice(absl::string_view name);

// True when bfloat16 is faster than float32 here: any CUDA device, or a CPU with
// AVX512-BF16 or AMX. Elsewhere bfloat16 is emulated and slow.
bool FastBf16(c10::Device device);

}  // namespace mannequin
