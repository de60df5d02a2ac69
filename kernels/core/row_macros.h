// Rows of kernels that are one source for every instruction set (portable.cc), one for GPUs
// (cuda.cu) and one for the contract (reference.cc), each with a function of the same name. An
// operation writes, in its namespace,
//
//   SAMEBITS_DECLARE_KERNELS(Forward, Backward)
//   constexpr Kernel kRows[] = {
//       SAMEBITS_ROWS(kForward, ShapeOf, Forward),
//       SAMEBITS_ROWS(kBackward, ShapeOf, Backward),
//   };
//
// where Shape is what ShapeOf makes of a case. These are macros because no template takes a
// namespace; an instruction set or a kind of GPU for all operations is added here alone.
#pragma once

#include <string_view>

#include "kernels/core/cpu.h"
#include "kernels/core/target.h"
#include "kernels/cuda/stream.h"

namespace samebits {

// Of a kernel whose bits are the golden's.
constexpr Kernel RowOf(const Op& op, std::string_view name, const Backend& backend,
                       KernelFunction* run) {
  return {&op, name, &backend, Claim::kEverywhere, run};
}

}  // namespace samebits

#define SAMEBITS_DECLARE_KERNELS(...)                                    \
  using IsaFunction = void(const Shape&, const Buffers&, Team&);         \
  using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&); \
  namespace reference {                                                  \
  KernelFunction __VA_ARGS__;                                            \
  }                                                                      \
  namespace baseline {                                                   \
  IsaFunction __VA_ARGS__;                                               \
  }                                                                      \
  namespace avx2 {                                                       \
  SAMEBITS_X86_64 IsaFunction __VA_ARGS__;                               \
  }                                                                      \
  namespace avx512 {                                                     \
  SAMEBITS_X86_64 IsaFunction __VA_ARGS__;                               \
  }                                                                      \
  namespace cuda {                                                       \
  GpuFunction __VA_ARGS__;                                               \
  }                                                                      \
  namespace cuda_emulated {                                              \
  GpuFunction __VA_ARGS__;                                               \
  }

#define SAMEBITS_ROWS(op, shape_of, function)                                             \
  SAMEBITS_PLAIN_ROWS(op, shape_of, function), SAMEBITS_ISA_ROWS(op, shape_of, function), \
      SAMEBITS_GPU_ROWS(op, shape_of, function)

#define SAMEBITS_PLAIN_ROWS(op, shape_of, function)                                            \
  RowOf(op, "reference", kCpu, reference::function),                                           \
      RowOf(op, "portable", kCpu,                                                              \
            Best<WithShape<shape_of, baseline::function>, WithShape<shape_of, avx2::function>, \
                 WithShape<shape_of, avx512::function>>)

#define SAMEBITS_ISA_ROWS(op, shape_of, function)                             \
  RowOf(op, "avx2", kCpuAvx2, WithShape<shape_of, avx2::function>),           \
      RowOf(op, "avx512", kCpuAvx512, WithShape<shape_of, avx512::function>), \
      RowOf(op, "neon", kCpuNeon, WithShape<shape_of, baseline::function>)

#define SAMEBITS_GPU_ROWS(op, shape_of, function)                 \
  RowOf(op, "cuda", kCuda, OnGpu<&op, shape_of, cuda::function>), \
      RowOf(op, "cuda_emulated", kCudaEmulated, OnEmulator<shape_of, cuda_emulated::function>)
