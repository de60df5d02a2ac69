// The kernels of embedding, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding {

namespace reference {  // reference.cc
KernelFunction Forward, Backward;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Forward, Backward;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Forward, Backward;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Forward, Backward;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Forward, Backward;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Forward, Backward;
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
};

}  // namespace samebits::embedding

std::span<const samebits::Kernel> samebits::rows::Embedding() { return embedding::kRows; }
