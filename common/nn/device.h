// The one place that decides where networks run.
//
//   RETURN_IF_ERROR(CheckDevice("cuda:0"));
//
// The binaries link the CPU library only. CUDA is opened at run time where there is a
// GPU, so one binary runs on a laptop and on a DGX. torch_device.h gives the device
// itself; this header needs no torch.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// "cpu", "cuda" or "cuda:N"; empty means CUDA when it is there, else the CPU.
// INVALID_ARGUMENT for another word; FAILED_PRECONDITION, with the loader's words, for
// a CUDA device that is not there. Thread-safe.
absl::Status CheckDevice(absl::string_view name);

// Those that can be used; 0 without CUDA. Thread-safe.
int CudaDevices();

// Threads inside one operation on the CPU, process-wide; 0 means one a core.
void SetCpuThreads(int threads);

// The same of the operations that the calling thread begins from now on, and of no other thread's.
void SetCpuThreadsHere(int threads);

}  // namespace mannequin
