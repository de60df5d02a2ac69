// The dialect of the .cu files, which are built twice: by nvcc for GPUs (kernel "cuda"), and by the
// host's compiler to run on a processor under any schedule (kernel "cuda_emulated"). Their code
// lives in namespace SAMEBITS_GPU, as that of an ISA does in SAMEBITS_ISA.
//
// Arithmetic on floats is written out, as __fadd_rn, __fsub_rn, __fmul_rn, __fsqrt_rn and
// __fmaf_rn, so that the bits hang on no compiler's option. A division, and + - * on doubles, are
// one rounded operation each (--fmad=false).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/stream.h"

#if defined(__CUDACC__)
#define SAMEBITS_GPU cuda

namespace samebits::cuda {

// Memory that the threads of a block share; every call of one T is the same memory.
template <class T>
__device__ inline T& Shared() {
  __shared__ alignas(16) unsigned char memory[sizeof(T)];
  return *reinterpret_cast<T*>(memory);
}

// The same, given by LaunchWith: more than the 48 KiB that a kernel may hold of itself.
template <class T>
__device__ inline T& LaunchShared() {
  extern __shared__ __align__(16) unsigned char launch_memory[];
  return *reinterpret_cast<T*>(launch_memory);
}

// With so many bytes of shared memory.
template <class... Parameters, class... Arguments>
void LaunchWith(DeviceStream& stream, dim3 grid, unsigned block, int shared_bytes,
                void (*kernel)(Parameters...), const Arguments&... arguments) {
  if (shared_bytes > 0) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  }
  kernel<<<grid, block, shared_bytes, static_cast<cudaStream_t>(stream.handle())>>>(arguments...);
  stream.CheckLaunch();
}

template <class... Parameters, class... Arguments>
void Launch(DeviceStream& stream, dim3 grid, unsigned block, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  LaunchWith(stream, grid, block, 0, kernel, arguments...);
}

}  // namespace samebits::cuda

#else
#define SAMEBITS_GPU cuda_emulated
#include "kernels/cuda/emulated.h"
#endif
