// The kernels of dropout, one row each. Forward and backward are the same function.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout {

namespace reference {  // reference.cc
KernelFunction Apply;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Apply;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Apply;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Apply;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Apply;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Apply;
}

constexpr KernelFunction* kBaseline = WithShape<ShapeOf, baseline::Apply>;
constexpr KernelFunction* kAvx2 = WithShape<ShapeOf, avx2::Apply>;
constexpr KernelFunction* kAvx512 = WithShape<ShapeOf, avx512::Apply>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Apply},
    {&kForward, "portable", &kCpu, kAll, Best<kBaseline, kAvx2, kAvx512>},
    {&kForward, "avx2", &kCpuAvx2, kAll, kAvx2},
    {&kForward, "avx512", &kCpuAvx512, kAll, kAvx512},
    {&kForward, "neon", &kCpuNeon, kAll, kBaseline},
    {&kForward, "cuda", &kCuda, kAll, OnGpu<&kForward, ShapeOf, cuda::Apply>},
    {&kForward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Apply>},

    {&kBackward, "reference", &kCpu, kAll, reference::Apply},
    {&kBackward, "portable", &kCpu, kAll, Best<kBaseline, kAvx2, kAvx512>},
    {&kBackward, "avx2", &kCpuAvx2, kAll, kAvx2},
    {&kBackward, "avx512", &kCpuAvx512, kAll, kAvx512},
    {&kBackward, "neon", &kCpuNeon, kAll, kBaseline},
    {&kBackward, "cuda", &kCuda, kAll, OnGpu<&kBackward, ShapeOf, cuda::Apply>},
    {&kBackward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Apply>},
};

}  // namespace samebits::dropout

std::span<const samebits::Kernel> samebits::rows::Dropout() { return dropout::kRows; }
