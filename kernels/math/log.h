// ln(x), correctly rounded to binary32 (nearest even) for every input.
//
//   x = 2^k m,  m in [sqrt(1/2), sqrt(2)),  s = (m - 1) / (m + 1)
//   ln(x) = k ln(2) + 2 atanh(s) = k ln(2) + 2s + s (2/3 s^2 + 2/5 s^4 + ...)
//
// k ln(2) + 2s is kept in double-double; the rest is at most 1 % of ln(m), so binary64 does for it:
// the error stays below 2^-58 of the result. binary64 throughout would not do. 14 arguments have a
// logarithm within one binary64 ULP of a border between two binary32 numbers, the nearest within
// 0.03 ULP, and for five of them even the best binary64 result rounds to the wrong side.
// Right for all 2^32 inputs: `prove log`.
#pragma once

namespace samebits {

// NaN (every NaN is 0x7fc00000) for NaN and x < 0, -inf for +0 and -0, +inf for +inf.
float Log(float x);

}  // namespace samebits
