// The exact tier: a matrix product by integers, whose sums hang on no order, so that a kernel may
// add them as its hardware likes. Rounding is before the sums, to fixed point, and once behind.
//
// Case: n (samples) c (inputs, at most 131,072) k (outputs); range (below); words.
//
//   dense_exact_v1   y[n,o] = round(2^(s_n + t_o) * sum over i of p[n,i] * q[i,o])
//
// A line is a row of x or a column of w. It has one unit, 2^s_n or 2^t_o, and is held as integers.
//   - m is the largest magnitude in the line, 2^e the largest power of two with 2^e <= m; subnormal
//     values are values like all others, so e goes down to -149.
//   - The unit is 2^(e-22). An element is its value / unit, rounded to the nearest integer, ties to
//     even.
//   - Three balanced digits, -128 to 127 each and worth 1, 2^8 and 2^16, reach 127 * 65,793 =
//     8,355,711 on both sides. Where m / unit rounds to more, the unit is 2^(e-21), for the whole
//     line, and every value is rounded once, to that.
//   - A line of zeros, of any signs, is all 0.
//   - An infinity or a NaN makes every output of its line NaN.
// The sum is that of the integers: 131,072 products of at most 8,355,711^2 stay below 2^63. (Of the
// products of single digits, 2^14 at most, less than 2^17 fit into 32 bits.)
// The rounding at the end is to the nearest binary32, ties to even, subnormals kept, infinity from
// 2^128 - 2^103 on; a sum of 0 gives +0, another that rounds to 0 keeps its sign.
#pragma once

#include "kernels/core/op.h"

namespace samebits::exact {

// What three balanced digits reach.
inline constexpr std::int64_t kLargest = 127 * 65793;

struct Shape {
  std::int64_t n, c, k;
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kProduct;

}  // namespace samebits::exact
