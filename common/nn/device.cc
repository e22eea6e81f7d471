#include "common/nn/device.h"

#include <cpuid.h>
#include <dlfcn.h>

#include <algorithm>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/nn/torch_device.h"
#include "torch/torch.h"

namespace mannequin {
namespace {

// Empty when CUDA can be used, else why not. Loading registers the CUDA kernels with
// the dispatcher; that can be done once a process and never undone.
const std::string& CudaProblem() {
  static const std::string problem = [] {
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return std::string(dlerror());
    try {
      if (torch::cuda::is_available()) {
        // float32 products in TF32: ten bits of a product's factors are enough for what is
        // not in bfloat16 anyway. Shapes stay the same for thousands of steps: cuDNN may try.
        at::globalContext().setAllowTF32CuBLAS(true);
        at::globalContext().setAllowTF32CuDNN(true);
        at::globalContext().setBenchmarkCuDNN(true);
        return std::string();
      }
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string("no NVIDIA GPU or driver is there");
  }();
  return problem;
}

bool CpuHasBf16() {
  static const bool has = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    const bool amx_bf16 = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 22 & 1) != 0;
    return amx_bf16 || __builtin_cpu_supports("avx512bf16");
  }();
  return has;
}

}  // namespace

absl::StatusOr<c10::Device> PickDevice(absl::string_view name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name.empty()) {
    return CudaProblem().empty() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  int index = 0;
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, "cuda") ||
      (!rest.empty() && (!absl::ConsumePrefix(&rest, ":") || !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("device: \"", name, "\" is not \"cpu\", \"cuda\" or \"cuda:N\"; leave it empty to pick one"));
  }
  if (!CudaProblem().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("device: \"", name, "\" cannot be used: ", CudaProblem(), "; use \"cpu\""));
  }
  const int devices = static_cast<int>(torch::cuda::device_count());
  if (index >= devices) {
    return absl::FailedPreconditionError(
        absl::StrCat("device: \"", name, "\" is not there; this machine has ", devices, " CUDA devices"));
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

absl::Status CheckDevice(absl::string_view name) { return PickDevice(name).status(); }

int CudaDevices() { return CudaProblem().empty() ? static_cast<int>(torch::cuda::device_count()) : 0; }

bool FastBf16(c10::Device device) { return device.is_cuda() || CpuHasBf16(); }

void SetCpuThreads(int threads) {
  at::set_num_threads(threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

void SetCpuThreadsHere(int threads) {
  // OpenMP's own call, of the library that torch brings: torch's sets what other threads begin with too.
  using SetThreads = void (*)(int);
  static const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set == nullptr) return;
  at::get_num_threads();  // sets this thread's number when it is the first to ask
  set(threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace mannequin
