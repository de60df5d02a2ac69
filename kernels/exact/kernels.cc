// The kernels of the exact tier, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/exact/exact.h"

namespace samebits::exact {

namespace reference {  // reference.cc
KernelFunction Product;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Product;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Product;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Product;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Product;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Product;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kProduct, "reference", &kCpu, kAll, reference::Product},
    {&kProduct, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Product>, kShaped<avx2::Product>, kShaped<avx512::Product>>},
    {&kProduct, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Product>},
    {&kProduct, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Product>},
    {&kProduct, "neon", &kCpuNeon, kAll, kShaped<baseline::Product>},
    {&kProduct, "cuda", &kCuda, kAll, OnGpu<&kProduct, ShapeOf, cuda::Product>},
    {&kProduct, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Product>},
};

}  // namespace samebits::exact

std::span<const samebits::Kernel> samebits::rows::Exact() { return exact::kRows; }
