// The kernels of pooling, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d {

namespace reference {  // reference.cc
KernelFunction MaxForward, MaxBackward, AverageForward, AverageBackward, GlobalAverageForward,
    GlobalAverageBackward;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction MaxForward, MaxBackward, AverageForward, AverageBackward, GlobalAverageForward,
    GlobalAverageBackward;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction MaxForward, MaxBackward, AverageForward, AverageBackward,
    GlobalAverageForward, GlobalAverageBackward;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction MaxForward, MaxBackward, AverageForward, AverageBackward,
    GlobalAverageForward, GlobalAverageBackward;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction MaxForward, MaxBackward, AverageForward, AverageBackward, GlobalAverageForward,
    GlobalAverageBackward;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction MaxForward, MaxBackward, AverageForward, AverageBackward, GlobalAverageForward,
    GlobalAverageBackward;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kMaxForward, "reference", &kCpu, kAll, reference::MaxForward},
    {&kMaxForward, "portable", &kCpu, kAll,
     kPlain<baseline::MaxForward, avx2::MaxForward, avx512::MaxForward>},
    {&kMaxForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::MaxForward>},
    {&kMaxForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::MaxForward>},
    {&kMaxForward, "neon", &kCpuNeon, kAll, kShaped<baseline::MaxForward>},
    {&kMaxForward, "cuda", &kCuda, kAll, OnGpu<&kMaxForward, ShapeOf, cuda::MaxForward>},
    {&kMaxForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::MaxForward>},

    {&kMaxBackward, "reference", &kCpu, kAll, reference::MaxBackward},
    {&kMaxBackward, "portable", &kCpu, kAll,
     kPlain<baseline::MaxBackward, avx2::MaxBackward, avx512::MaxBackward>},
    {&kMaxBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::MaxBackward>},
    {&kMaxBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::MaxBackward>},
    {&kMaxBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::MaxBackward>},
    {&kMaxBackward, "cuda", &kCuda, kAll, OnGpu<&kMaxBackward, ShapeOf, cuda::MaxBackward>},
    {&kMaxBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::MaxBackward>},

    {&kAverageForward, "reference", &kCpu, kAll, reference::AverageForward},
    {&kAverageForward, "portable", &kCpu, kAll,
     kPlain<baseline::AverageForward, avx2::AverageForward, avx512::AverageForward>},
    {&kAverageForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::AverageForward>},
    {&kAverageForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::AverageForward>},
    {&kAverageForward, "neon", &kCpuNeon, kAll, kShaped<baseline::AverageForward>},
    {&kAverageForward, "cuda", &kCuda, kAll,
     OnGpu<&kAverageForward, ShapeOf, cuda::AverageForward>},
    {&kAverageForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::AverageForward>},

    {&kAverageBackward, "reference", &kCpu, kAll, reference::AverageBackward},
    {&kAverageBackward, "portable", &kCpu, kAll,
     kPlain<baseline::AverageBackward, avx2::AverageBackward, avx512::AverageBackward>},
    {&kAverageBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::AverageBackward>},
    {&kAverageBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::AverageBackward>},
    {&kAverageBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::AverageBackward>},
    {&kAverageBackward, "cuda", &kCuda, kAll,
     OnGpu<&kAverageBackward, ShapeOf, cuda::AverageBackward>},
    {&kAverageBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::AverageBackward>},

    {&kGlobalAverageForward, "reference", &kCpu, kAll, reference::GlobalAverageForward},
    {&kGlobalAverageForward, "portable", &kCpu, kAll,
     kPlain<baseline::GlobalAverageForward, avx2::GlobalAverageForward,
            avx512::GlobalAverageForward>},
    {&kGlobalAverageForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::GlobalAverageForward>},
    {&kGlobalAverageForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::GlobalAverageForward>},
    {&kGlobalAverageForward, "neon", &kCpuNeon, kAll, kShaped<baseline::GlobalAverageForward>},
    {&kGlobalAverageForward, "cuda", &kCuda, kAll,
     OnGpu<&kGlobalAverageForward, ShapeOf, cuda::GlobalAverageForward>},
    {&kGlobalAverageForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::GlobalAverageForward>},

    {&kGlobalAverageBackward, "reference", &kCpu, kAll, reference::GlobalAverageBackward},
    {&kGlobalAverageBackward, "portable", &kCpu, kAll,
     kPlain<baseline::GlobalAverageBackward, avx2::GlobalAverageBackward,
            avx512::GlobalAverageBackward>},
    {&kGlobalAverageBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::GlobalAverageBackward>},
    {&kGlobalAverageBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::GlobalAverageBackward>},
    {&kGlobalAverageBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::GlobalAverageBackward>},
    {&kGlobalAverageBackward, "cuda", &kCuda, kAll,
     OnGpu<&kGlobalAverageBackward, ShapeOf, cuda::GlobalAverageBackward>},
    {&kGlobalAverageBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::GlobalAverageBackward>},
};

}  // namespace samebits::pool2d

std::span<const samebits::Kernel> samebits::rows::Pool2d() { return pool2d::kRows; }
