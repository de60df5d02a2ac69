// tanh(x), correctly rounded to binary32 (nearest even) for every input.
//
//   e = exp(2|x|) - 1,  tanh|x| = e / (e + 2),  with the sign of x
//
// The steps below are in binary64, each an IEEE-754 operation, and rounded to binary32 once:
//   z = 2|x|, clamped;  t = fma(z, log2e, rounder);  n = t - rounder
//   r = fma(-n, ln2_low, fma(-n, ln2_high, z))
//   p = 1/2! + 1/3! r + ... + 1/14! r^12, by Horner's rule, in fma;  q = fma(r*r, p, r)
//   e = fma(2^n, q, 2^n - 1);  tanh|x| = (float)(e / (e + 2))
//
// No difference of near numbers is taken, so e has the accuracy of q, also where x is subnormal.
// The error is at most about two binary64 ULP, and no argument has its tanh within five of a border
// between two binary32 numbers. Right for all 2^32 inputs: `prove tanh`.
#pragma once

namespace samebits {

// NaN (every NaN is 0x7fc00000) for NaN, -0 for -0, -1 and 1 at the infinities.
float Tanh(float x);

}  // namespace samebits
