// The kernels of the losses, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/loss/loss.h"

namespace samebits::loss {

namespace reference {  // reference.cc
KernelFunction MeanSquaredError, BinaryCrossEntropy;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction MeanSquaredError, BinaryCrossEntropy;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction MeanSquaredError, BinaryCrossEntropy;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction MeanSquaredError, BinaryCrossEntropy;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction MeanSquaredError, BinaryCrossEntropy;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction MeanSquaredError, BinaryCrossEntropy;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kMeanSquaredError, "reference", &kCpu, kAll, reference::MeanSquaredError},
    {&kMeanSquaredError, "portable", &kCpu, kAll,
     kPlain<baseline::MeanSquaredError, avx2::MeanSquaredError, avx512::MeanSquaredError>},
    {&kMeanSquaredError, "avx2", &kCpuAvx2, kAll, kShaped<avx2::MeanSquaredError>},
    {&kMeanSquaredError, "avx512", &kCpuAvx512, kAll, kShaped<avx512::MeanSquaredError>},
    {&kMeanSquaredError, "neon", &kCpuNeon, kAll, kShaped<baseline::MeanSquaredError>},
    {&kMeanSquaredError, "cuda", &kCuda, kAll,
     OnGpu<&kMeanSquaredError, ShapeOf, cuda::MeanSquaredError>},
    {&kMeanSquaredError, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::MeanSquaredError>},

    {&kBinaryCrossEntropy, "reference", &kCpu, kAll, reference::BinaryCrossEntropy},
    {&kBinaryCrossEntropy, "portable", &kCpu, kAll,
     kPlain<baseline::BinaryCrossEntropy, avx2::BinaryCrossEntropy, avx512::BinaryCrossEntropy>},
    {&kBinaryCrossEntropy, "avx2", &kCpuAvx2, kAll, kShaped<avx2::BinaryCrossEntropy>},
    {&kBinaryCrossEntropy, "avx512", &kCpuAvx512, kAll, kShaped<avx512::BinaryCrossEntropy>},
    {&kBinaryCrossEntropy, "neon", &kCpuNeon, kAll, kShaped<baseline::BinaryCrossEntropy>},
    {&kBinaryCrossEntropy, "cuda", &kCuda, kAll,
     OnGpu<&kBinaryCrossEntropy, ShapeOf, cuda::BinaryCrossEntropy>},
    {&kBinaryCrossEntropy, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::BinaryCrossEntropy>},
};

}  // namespace samebits::loss

std::span<const samebits::Kernel> samebits::rows::Loss() { return loss::kRows; }
