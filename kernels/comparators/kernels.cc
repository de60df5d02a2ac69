// Other people's kernels, one row each. They promise the same bits from run to run and no more:
// their drift on the other axes is recorded, not failed.
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/dense/dense.h"

namespace samebits::comparators {

KernelFunction EigenConv2dForward, EigenDenseForward;    // eigen.cc
KernelFunction OneDnnConv2dForward, OneDnnDenseForward;  // onednn.cc

// eigen.cc is built for AVX2, as a user of Eigen would for this kind of machine.
std::string EigenUnavailable() { return kCpuAvx2.unavailable(); }
constexpr Backend kEigen{"eigen", EigenUnavailable};

#if SAMEBITS_HAVE_ONEDNN
std::string OneDnnUnavailable() { return {}; }
constexpr KernelFunction *kConv2d = OneDnnConv2dForward, *kDense = OneDnnDenseForward;
#else
std::string OneDnnUnavailable() { return "built without oneDNN, which was not found"; }
constexpr KernelFunction *kConv2d = nullptr, *kDense = nullptr;
#endif
constexpr Backend kOneDnn{"onednn", OneDnnUnavailable};

constexpr Kernel kRows[] = {
    {&conv2d::kForward, "onednn", &kOneDnn, Claim::kRun, kConv2d},
    {&dense::kForward, "onednn", &kOneDnn, Claim::kRun, kDense},
    {&conv2d::kForward, "eigen", &kEigen, Claim::kRun, EigenConv2dForward},
    {&dense::kForward, "eigen", &kEigen, Claim::kRun, EigenDenseForward},
};

}  // namespace samebits::comparators

std::span<const samebits::Kernel> samebits::rows::Comparators() { return comparators::kRows; }
