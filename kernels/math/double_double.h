// Numbers of about 106 bits as an unevaluated sum of two binary64 numbers (Dekker 1971).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace samebits {

// high + low, where high is the sum rounded to nearest.
struct DoubleDouble {
  double high;
  double low;
};

// a + b without error. Needs |a| >= |b|, or a = 0.
inline DoubleDouble FastTwoSum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a * b with a relative error below 2^-102: only low * low and four roundings of low parts are
// lost.
inline DoubleDouble Multiply(DoubleDouble a, DoubleDouble b) {
  const double product = a.high * b.high;
  const double error = std::fma(a.high, b.high, -product);
  return FastTwoSum(product, error + (a.high * b.low + a.low * b.high));
}

// The nearest binary32 number, ties to even, rounded once: `high` alone may sit exactly between two
// binary32 numbers while `low` says which is nearer. So the sum is first rounded to odd: an inexact
// `high` with an even last bit moves one step towards the sum. An odd last bit is never a border.
inline float RoundToFloat(DoubleDouble value) {
  std::uint64_t bits = std::bit_cast<std::uint64_t>(value.high);
  if (value.low != 0 && bits % 2 == 0) {
    const bool away_from_zero = (value.low > 0) == (value.high > 0);
    bits += away_from_zero ? 1 : -1;
  }
  return static_cast<float>(std::bit_cast<double>(bits));
}

}  // namespace samebits
