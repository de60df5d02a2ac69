// Other people's kernels, one row each. They promise the same bits from run to run and no more:
// their drift on the other axes is recorded, not failed.
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/dense/dense.h"

namespace samebits::comparators {

KernelFunction EigenConv2dForward, EigenDenseForward;    // eigen.cc
KernelFunction OneDnnConv2dForward, OneDnnDenseForward;  // onednn.cc

#if SAMEBITS_HAVE_EIGEN
// eigen.cc is built for AVX2, as a user of Eigen would for this kind of machine.
std::string EigenUnavailable() { return kCpuAvx2.unavailable(); }
constexpr KernelFunction *kEigenConv2d = EigenConv2dForward, *kEigenDense = EigenDenseForward;
#else
std::string EigenUnavailable() { return "built without Eigen, which needs g++ and its libgomp"; }
constexpr KernelFunction *kEigenConv2d = nullptr, *kEigenDense = nullptr;
#endif

#if SAMEBITS_HAVE_ONEDNN
std::string OneDnnUnavailable() { return {}; }
constexpr KernelFunction *kOneDnnConv2d = OneDnnConv2dForward, *kOneDnnDense = OneDnnDenseForward;
#else
std::string OneDnnUnavailable() {
  return "built without oneDNN, which was not found, or not by g++ with its libgomp";
}
constexpr KernelFunction *kOneDnnConv2d = nullptr, *kOneDnnDense = nullptr;
#endif

constexpr Backend kEigen{"eigen", EigenUnavailable}, kOneDnn{"onednn", OneDnnUnavailable};

constexpr Kernel kRows[] = {
    {&conv2d::kForward, "onednn", &kOneDnn, Claim::kRun, kOneDnnConv2d},
    {&dense::kForward, "onednn", &kOneDnn, Claim::kRun, kOneDnnDense},
    {&conv2d::kForward, "eigen", &kEigen, Claim::kRun, kEigenConv2d},
    {&dense::kForward, "eigen", &kEigen, Claim::kRun, kEigenDense},
};

}  // namespace samebits::comparators

std::span<const samebits::Kernel> samebits::rows::Comparators() { return comparators::kRows; }
