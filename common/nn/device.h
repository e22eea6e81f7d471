// The one place that picks where networks run.
//
//   ASSIGN_OR_RETURN(c10::Device device, PickDevice("cuda:0"));
//
// The binaries link the CPU library only. CUDA is opened at run time where there is a
// GPU, so one binary runs on a laptop and on a DGX.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c10/core/Device.h"

namespace mannequin {

// "cpu", "cuda" or "cuda:N"; empty means CUDA when it is there, else the CPU.
// INVALID_ARGUMENT for another word; FAILED_PRECONDITION, with the loader's words, for
// a CUDA device that is not there. Thread-safe.
absl::StatusOr<c10::Device> PickDevice(absl::string_view name);

// True when bfloat16 is faster than float32 here: any CUDA device, or a CPU with
// AVX512-BF16 or AMX. Elsewhere bfloat16 is emulated and slow.
bool FastBf16(c10::Device device);

// Threads inside one operation on the CPU, process-wide; 0 means one a core.
void SetCpuThreads(int threads);

}  // namespace mannequin
