// The mistakes that writers of the exact tier make: each gives the bits that a whole output would
// have.
#pragma once

#include <span>
#include <string_view>

#include "kernels/core/op.h"

namespace samebits {

struct WrongKernel {
  std::string_view name;  // "two digits instead of three"
  KernelFunction* run;
};

// None where the operation is no such product.
std::span<const WrongKernel> WrongKernels(const Op& op);

// Without any mistake: what the reference gives.
KernelFunction ProductWithoutMistake;

}  // namespace samebits
