// The kernels of the conversions, one row each.
#include "kernels/convert/convert.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

namespace samebits::convert {

namespace reference {  // reference.cc
KernelFunction Narrow, Widen;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Narrow, Widen;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Narrow, Widen;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Narrow, Widen;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Narrow, Widen;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Narrow, Widen;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kNarrow, "reference", &kCpu, kAll, reference::Narrow},
    {&kNarrow, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Narrow>, kShaped<avx2::Narrow>, kShaped<avx512::Narrow>>},
    {&kNarrow, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Narrow>},
    {&kNarrow, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Narrow>},
    {&kNarrow, "neon", &kCpuNeon, kAll, kShaped<baseline::Narrow>},
    {&kNarrow, "cuda", &kCuda, kAll, OnGpu<&kNarrow, ShapeOf, cuda::Narrow>},
    {&kNarrow, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Narrow>},

    {&kWiden, "reference", &kCpu, kAll, reference::Widen},
    {&kWiden, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Widen>, kShaped<avx2::Widen>, kShaped<avx512::Widen>>},
    {&kWiden, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Widen>},
    {&kWiden, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Widen>},
    {&kWiden, "neon", &kCpuNeon, kAll, kShaped<baseline::Widen>},
    {&kWiden, "cuda", &kCuda, kAll, OnGpu<&kWiden, ShapeOf, cuda::Widen>},
    {&kWiden, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Widen>},
};

}  // namespace samebits::convert

std::span<const samebits::Kernel> samebits::rows::Convert() { return convert::kRows; }
