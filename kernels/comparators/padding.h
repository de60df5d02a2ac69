// The padding that libraries ask for, of one direction.
#pragma once

#include <cstdint>

namespace samebits::comparators {

// Zeros behind the image that make windows of `extent` at `stride` give `out` outputs; negative
// where the last rows are in no window.
inline std::int64_t PadBehind(std::int64_t in, std::int64_t out, std::int64_t extent,
                              std::int64_t stride, std::int64_t before) {
  return (out - 1) * stride + extent - in - before;
}

}  // namespace samebits::comparators
