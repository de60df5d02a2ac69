// cuBLAS' product of matrices as a comparator, on the first GPU.
#pragma once

#include "kernels/core/op.h"

namespace samebits::comparators {

enum class CublasArithmetic {
  kBinary32,
  kTensorFloat32,  // factors rounded to 11 bits, for the tensor cores
  kEmulated,       // each factor as three bfloat16 numbers
};

// Runs the product that `op` is: a gradient of dense, or the plain one of kernels/exact. Throws
// UnavailableError where there is no GPU or no library.
void RunCublas(const Op& op, CublasArithmetic arithmetic, const Case& c, const Buffers& buffers);

}  // namespace samebits::comparators
