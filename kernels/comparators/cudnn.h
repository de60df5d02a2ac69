// cuDNN's kernels as comparators, on the first GPU.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/op.h"

namespace samebits::comparators {

// Which of the engines that cuDNN's heuristics offer may run, by what they say of themselves.
enum class CudnnEngines {
  kAny,
  kDeterministic,
  kDeterministicBinary32,  // nothing narrower than binary32 either: no tensor cores
  kNondeterministic,
};

// An engine that the heuristics offer.
struct CudnnOffer {
  std::int64_t engine = 0;  // its number among the library's for such an operation
  bool moves = false;       // its bits may differ from run to run
  bool narrows = false;     // it may compute in less than binary32: on tensor cores
};

inline bool IsAmong(const CudnnOffer& offer, CudnnEngines engines) {
  switch (engines) {
    case CudnnEngines::kDeterministic:
      return !offer.moves;
    case CudnnEngines::kDeterministicBinary32:
      return !offer.moves && !offer.narrows;
    case CudnnEngines::kNondeterministic:
      return offer.moves;
    case CudnnEngines::kAny:
      break;
  }
  return true;
}

// What the heuristics offer for a convolution on a GPU, best first: needs only the GPU's
// properties, as CudnnDevice gave them. Throws UnavailableError where there is no library,
// UserError where the properties are none.
std::vector<CudnnOffer> CudnnOffers(const Op& op, const Case& c, const std::string& device);

// The properties of the first GPU as cuDNN serialises them, JSON. Throws UnavailableError where
// there is no GPU or no library.
std::string CudnnDevice();

// Runs conv2d's forward or one of its two gradients by the fastest way that the heuristics offer
// with those engines, which the first call of a case finds by trying all; by the first way where
// choices are steady. The filter is brought into cuDNN's layout and back inside, and the bias added
// by a kernel of its own. Throws UnavailableError where there is no GPU, no library, or no such
// engine for the case.
void RunCudnnConvolution(const Op& op, CudnnEngines engines, const Case& c, const Buffers& buffers);

// Runs max, average or global average pooling, relu or softmax, or one of their gradients.
// Deterministic: gradients of maxima that cuDNN promises to be so. Throws UnavailableError where
// there is no GPU, no library, or cuDNN does not support the case.
//
// Gradients of maxima need y, which is the forward pass's to make: it is made when they first run,
// not when a graph repeats them, so x must then be the same.
void RunCudnnLayer(const Op& op, bool deterministic, const Case& c, const Buffers& buffers);

// What cuDNN makes of a pooling case, (oh, ow); needs no GPU. Throws UnavailableError where there
// is no library.
std::pair<int, int> CudnnPoolingOutput(const Case& c);

// How many engines the library knows for such a convolution, on whatever GPU: needs none. Throws
// UnavailableError where there is no library.
std::int64_t CudnnEngineCount(const Op& op, const Case& c);

}  // namespace samebits::comparators
