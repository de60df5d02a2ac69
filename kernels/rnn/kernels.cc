// The kernels of the recurrent layer, one row each.
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
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

    {&kBackward, "reference", &kCpu, kAll, reference::Backward},
    {&kBackward, "portable", &kCpu, kAll,
     Best<kShaped<baseline::Backward>, kShaped<avx2::Backward>, kShaped<avx512::Backward>>},
    {&kBackward, "avx2", &kCpuAvx2, kAll, kShaped<avx2::Backward>},
    {&kBackward, "avx512", &kCpuAvx512, kAll, kShaped<avx512::Backward>},
    {&kBackward, "neon", &kCpuNeon, kAll, kShaped<baseline::Backward>},

    {&kStepMask, "reference", &kCpu, kAll, reference::StepMask},
    {&kStepMask, "portable", &kCpu, kAll,
     Best<kMasked<baseline::StepMask>, kMasked<avx2::StepMask>, kMasked<avx512::StepMask>>},
    {&kStepMask, "avx2", &kCpuAvx2, kAll, kMasked<avx2::StepMask>},
    {&kStepMask, "avx512", &kCpuAvx512, kAll, kMasked<avx512::StepMask>},
    {&kStepMask, "neon", &kCpuNeon, kAll, kMasked<baseline::StepMask>},
};

}  // namespace samebits::rnn

std::span<const samebits::Kernel> samebits::rows::Rnn() { return rnn::kRows; }
