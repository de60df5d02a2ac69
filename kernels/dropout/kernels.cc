// The kernels of dropout, one row each. Forward and backward are the same function.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout {

namespace reference {  // reference.cc
KernelFunction Apply, Mask, Masked;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Apply, Mask, Masked;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Apply, Mask, Masked;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Apply, Mask, Masked;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Apply, Mask, Masked;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Apply, Mask, Masked;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Apply},
    {&kForward, "portable", &kCpu, kAll, kPlain<baseline::Apply, avx2::Apply, avx512::Apply>},
    {&kForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Apply>},
    {&kForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Apply>},
    {&kForward, "neon", &kCpuNeon, kAll, kShaped<baseline::Apply>},
    {&kForward, "cuda", &kCuda, kAll, OnGpu<&kForward, ShapeOf, cuda::Apply>},
    {&kForward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Apply>},

    {&kBackward, "reference", &kCpu, kAll, reference::Apply},
    {&kBackward, "portable", &kCpu, kAll, kPlain<baseline::Apply, avx2::Apply, avx512::Apply>},
    {&kBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Apply>},
    {&kBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Apply>},
    {&kBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::Apply>},
    {&kBackward, "cuda", &kCuda, kAll, OnGpu<&kBackward, ShapeOf, cuda::Apply>},
    {&kBackward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Apply>},

    {&kMask, "reference", &kCpu, kAll, reference::Mask},
    {&kMask, "portable", &kCpu, kAll, kPlain<baseline::Mask, avx2::Mask, avx512::Mask>},
    {&kMask, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Mask>},
    {&kMask, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Mask>},
    {&kMask, "neon", &kCpuNeon, kAll, kShaped<baseline::Mask>},
    {&kMask, "cuda", &kCuda, kAll, OnGpu<&kMask, ShapeOf, cuda::Mask>},
    {&kMask, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Mask>},

    {&kMasked, "reference", &kCpu, kAll, reference::Masked},
    {&kMasked, "portable", &kCpu, kAll, kPlain<baseline::Masked, avx2::Masked, avx512::Masked>},
    {&kMasked, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Masked>},
    {&kMasked, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Masked>},
    {&kMasked, "neon", &kCpuNeon, kAll, kShaped<baseline::Masked>},
    {&kMasked, "cuda", &kCuda, kAll, OnGpu<&kMasked, ShapeOf, cuda::Masked>},
    {&kMasked, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Masked>},
};

}  // namespace samebits::dropout

std::span<const samebits::Kernel> samebits::rows::Dropout() { return dropout::kRows; }
