// The kernels of the recurrent layer, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/rnn/rnn.h"

namespace samebits::rnn {

namespace reference {  // reference.cc
KernelFunction Forward, Backward, StepMask;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Forward, Backward, StepMask;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Forward, Backward, StepMask;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Forward, Backward, StepMask;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Forward, Backward, StepMask;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Forward, Backward, StepMask;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;
template <ShapedFunction* function>
constexpr KernelFunction* kMasked = WithShape<MaskShapeOf, function>;

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Forward},
    {&kForward, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Forward>, kShaped<avx2::Forward>, kShaped<avx512::Forward>>},
    {&kForward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Forward>},
    {&kForward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Forward>},
    {&kForward, "neon", &kCpuNeon, kAll, kShaped<baseline::Forward>},
    {&kForward, "cuda", &kCuda, kAll, OnGpu<&kForward, ShapeOf, cuda::Forward>},
    {&kForward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Forward>},

    {&kBackward, "reference", &kCpu, kAll, reference::Backward},
    {&kBackward, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Backward>, kShaped<avx2::Backward>, kShaped<avx512::Backward>>},
    {&kBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Backward>},
    {&kBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Backward>},
    {&kBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::Backward>},
    {&kBackward, "cuda", &kCuda, kAll, OnGpu<&kBackward, ShapeOf, cuda::Backward>},
    {&kBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::Backward>},

    {&kStepMask, "reference", &kCpu, kAll, reference::StepMask},
    {&kStepMask, "portable", &kCpu, kAll,
     Best<kMasked<baseline::StepMask>, kMasked<avx2::StepMask>, kMasked<avx512::StepMask>>},
    {&kStepMask, "avx2", &kCpuAvx2, kAll, kMasked<avx2::StepMask>},
    {&kStepMask, "avx512", &kCpuAvx512, kAll, kMasked<avx512::StepMask>},
    {&kStepMask, "neon", &kCpuNeon, kAll, kMasked<baseline::StepMask>},
    {&kStepMask, "cuda", &kCuda, kAll, OnGpu<&kStepMask, MaskShapeOf, cuda::StepMask>},
    {&kStepMask, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<MaskShapeOf, cuda_emulated::StepMask>},
};

}  // namespace samebits::rnn

std::span<const samebits::Kernel> samebits::rows::Rnn() { return rnn::kRows; }
