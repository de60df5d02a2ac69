// cuDNN's convolutions as comparators, on the first GPU.
#pragma once

#include "kernels/core/op.h"

namespace samebits::comparators {

// Which of the engines that cuDNN's heuristics offer may run, by what they say of themselves.
enum class CudnnEngines {
  kAny,
  kDeterministic,
  kDeterministicBinary32,  // nothing narrower than binary32 either: no tensor cores
  kNondeterministic,
};

// Runs conv2d's forward or one of its two gradients by the fastest of those engines, which the
// first call of a case finds. The filter is brought into cuDNN's layout and back inside. Throws
// UnavailableError where there is no GPU, no library, or no such engine for the case.
void RunCudnn(const Op& op, CudnnEngines engines, const Case& c, const Buffers& buffers);

// How many engines the library knows for such a convolution, on whatever GPU: needs none. Throws
// UnavailableError where there is no library.
std::int64_t CudnnEngineCount(const Op& op, const Case& c);

}  // namespace samebits::comparators
