// Philox4x32-10 as TensorFlow walks it: block i of a stream has the counter (low half of i, high
// half of i, high[0], high[1]), and its four words follow those of block i - 1.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/core/philox.h"

namespace samebits {

struct PhiloxStream {
  PhiloxKey key;
  std::array<std::uint32_t, 2> high;

  PhiloxBlock Block(std::uint64_t i) const {
    return Philox4x32(key, {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                            high[0], high[1]});
  }
};

}  // namespace samebits
