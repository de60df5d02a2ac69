// Storage in 16 bits: between binary32 and bfloat16 (8 bits of precision, binary32's exponents) or
// binary16 (11 bits, up to 65,504).
//
// Case: n (elements), bfloat16 or float16, up (narrow_v1) and down (widen_v1): exponents
// of a scale, 0 to 24, where they are not 0.
//
//   narrow_v1  y = the number of the format nearest to x * 2^up (one multiplication in binary32),
//              ties to the even one; what rounds beyond the largest is infinity; subnormals are
//              kept, and so is the sign of a zero; every NaN is 0x7fc0 or 0x7e00
//   widen_v1   y = x * 2^-down, x as binary32 holds it exactly; every NaN is 0x7fc00000
//
// An operation on tensors in such storage is: widen its inputs, the operation in binary32 by its
// own contract, narrow its outputs.
#pragma once

#include "kernels/core/op.h"

namespace samebits::convert {

struct Format {
  int precision;  // bits of a significand, the leading one among them
  int lowest;     // exponent of the smallest normal number, a power of two
  int highest;    // of the largest
};
inline constexpr Format kBfloat16{8, -126, 127}, kFloat16{11, -14, 15};

struct Shape {
  std::int64_t n;
  bool bfloat16;
  float scale;  // 2^up or 2^-down

  const Format& format() const { return bfloat16 ? kBfloat16 : kFloat16; }
};

// Throws UserError when there are no elements, or not one format.
Shape ShapeOf(const Case& c);

extern const Op kNarrow;
extern const Op kWiden;

}  // namespace samebits::convert
