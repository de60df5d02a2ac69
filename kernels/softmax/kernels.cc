// The kernels of softmax, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax {

namespace reference {  // reference.cc
KernelFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Forward, Backward, CrossEntropyForward, CrossEntropyBackward;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Forward},
    {&kForward, "portable", &kCpu, kAll, kPlain<baseline::Forward, avx2::Forward, avx512::Forward>},
    {&kForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Forward>},
    {&kForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Forward>},
    {&kForward, "neon", &kCpuNeon, kAll, kShaped<baseline::Forward>},
    {&kForward, "cuda", &kCuda, kAll, OnGpu<&kForward, ShapeOf, cuda::Forward>},
    {&kForward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Forward>},

    {&kBackward, "reference", &kCpu, kAll, reference::Backward},
    {&kBackward, "portable", &kCpu, kAll,
     kPlain<baseline::Backward, avx2::Backward, avx512::Backward>},
    {&kBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Backward>},
    {&kBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Backward>},
    {&kBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::Backward>},
    {&kBackward, "cuda", &kCuda, kAll, OnGpu<&kBackward, ShapeOf, cuda::Backward>},
    {&kBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::Backward>},

    {&kCrossEntropyForward, "reference", &kCpu, kAll, reference::CrossEntropyForward},
    {&kCrossEntropyForward, "portable", &kCpu, kAll,
     kPlain<baseline::CrossEntropyForward, avx2::CrossEntropyForward, avx512::CrossEntropyForward>},
    {&kCrossEntropyForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::CrossEntropyForward>},
    {&kCrossEntropyForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::CrossEntropyForward>},
    {&kCrossEntropyForward, "neon", &kCpuNeon, kAll, kShaped<baseline::CrossEntropyForward>},
    {&kCrossEntropyForward, "cuda", &kCuda, kAll,
     OnGpu<&kCrossEntropyForward, ShapeOf, cuda::CrossEntropyForward>},
    {&kCrossEntropyForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::CrossEntropyForward>},

    {&kCrossEntropyBackward, "reference", &kCpu, kAll, reference::CrossEntropyBackward},
    {&kCrossEntropyBackward, "portable", &kCpu, kAll,
     kPlain<baseline::CrossEntropyBackward, avx2::CrossEntropyBackward,
            avx512::CrossEntropyBackward>},
    {&kCrossEntropyBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::CrossEntropyBackward>},
    {&kCrossEntropyBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::CrossEntropyBackward>},
    {&kCrossEntropyBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::CrossEntropyBackward>},
    {&kCrossEntropyBackward, "cuda", &kCuda, kAll,
     OnGpu<&kCrossEntropyBackward, ShapeOf, cuda::CrossEntropyBackward>},
    {&kCrossEntropyBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::CrossEntropyBackward>},
};

}  // namespace samebits::softmax

std::span<const samebits::Kernel> samebits::rows::Softmax() { return softmax::kRows; }
