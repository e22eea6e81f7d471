# LibTorch out of the PyPI wheel, as the target `torch`.
#
# TorchConfig.cmake fails without a CUDA toolkit, and nothing here needs one: we link
# the CPU library only, and open libtorch_cuda.so at run time where there is a GPU.
# The wheel's headers are system headers, so that their warnings are not ours.

set(TORCH_ROOT ${DEPS}/torch)
if(NOT EXISTS ${TORCH_ROOT}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch is missing in ${TORCH_ROOT}: run docker/deps.sh")
endif()
add_library(torch INTERFACE)
target_include_directories(torch SYSTEM INTERFACE
  ${TORCH_ROOT}/include ${TORCH_ROOT}/include/torch/csrc/api/include)
target_link_libraries(torch INTERFACE
  -Wl,--push-state,--no-as-needed ${TORCH_ROOT}/lib/libtorch_cpu.so ${TORCH_ROOT}/lib/libc10.so -Wl,--pop-state)
target_link_options(torch INTERFACE -Wl,-rpath,${TORCH_ROOT}/lib)
set(Torch_FOUND TRUE)
