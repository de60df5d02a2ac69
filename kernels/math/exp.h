// e^x, correctly rounded to binary32 (nearest even) for every input.
//
//   n = round(x log2(e)),  r = x - n ln(2),  e^x = 2^n e^r
//
// The steps below are in binary64, each an IEEE-754 operation, and rounded to binary32 once:
//   t = fma(x, log2e, rounder);  n = t - rounder                        (x clamped first)
//   r = fma(-n, ln2_low, fma(-n, ln2_high, x))
//   p = polynomial(r), by Horner's rule: p = fma(p, r, c_i), i descending
//   e^x = (float)(2^n p), 2^n by adding n to p's exponent
//
// 2^n p stays a normal binary64 number, so subnormal results too are rounded only once. Its error
// is about one binary64 ULP, two where |r| is largest, and one argument has its e^x within 1.27 ULP
// of a border between two binary32 numbers: that none is misrounded is not argued but proven, for
// all 2^32 inputs: `prove exp`.
#pragma once

namespace samebits {

// NaN (every NaN is 0x7fc00000) for NaN, +0 for -inf, +inf for +inf.
float Exp(float x);

}  // namespace samebits
