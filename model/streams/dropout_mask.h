// Which elements a Dropout layer of Keras 3 on its JAX backend keeps: a pure function of the
// layer's draw, the call (training batches done before it), the element's row-major index in the
// global batch, the number n of elements of the global batch, and the rate.
//
// Element e is kept iff u < (float)(1.0 - rate), with u the UnitUniform of word e of n of the
// Threefry stream (draw, call). As u = k / 2^23 exactly, with k = word >> 9, and (float)(1 - rate)
// times 2^23 is exact in binary64, this is the same as
//   k < KeepBound(rate), KeepBound(rate) = ceil(2^23 * (float)(1.0 - rate)),
// a comparison of integers that kernels may use instead.
#pragma once

#include <cstdint>
#include <span>

#include "model/streams/threefry.h"

namespace samebits {

// The number of values k that are kept, 0 to 2^23. 0 <= rate <= 1.
std::uint32_t KeepBound(double rate);

bool KeepElement(ThreefryKey key, std::uint32_t e, std::uint32_t n, double rate);

// The masks of all keep.size() elements: 1 where kept, else 0.
void DropoutMask(ThreefryKey key, double rate, std::span<std::uint8_t> keep);

}  // namespace samebits
