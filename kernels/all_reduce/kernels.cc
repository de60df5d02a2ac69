// The kernels of the tree over the leaves, one row each.
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

namespace samebits::all_reduce {

namespace reference {  // reference.cc
KernelFunction AllReduce;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction AllReduce;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction AllReduce;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction AllReduce;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction AllReduce;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction AllReduce;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kAllReduce, "reference", &kCpu, kAll, reference::AllReduce},
    {&kAllReduce, "portable", &kCpu, kAll,
     Best<kShaped<baseline::AllReduce>, kShaped<avx2::AllReduce>, kShaped<avx512::AllReduce>>},
    {&kAllReduce, "avx2", &kCpuAvx2, kAll, kShaped<avx2::AllReduce>},
    {&kAllReduce, "avx512", &kCpuAvx512, kAll, kShaped<avx512::AllReduce>},
    {&kAllReduce, "neon", &kCpuNeon, kAll, kShaped<baseline::AllReduce>},
    {&kAllReduce, "cuda", &kCuda, kAll, OnGpu<&kAllReduce, ShapeOf, cuda::AllReduce>},
    {&kAllReduce, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::AllReduce>},
};

}  // namespace samebits::all_reduce

std::span<const samebits::Kernel> samebits::rows::AllReduce() { return all_reduce::kRows; }
