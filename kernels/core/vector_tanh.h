// Tanh (kernels/math/tanh.h) of many numbers: the same operations in the same order, hence the same
// bits. Included like lane_dot.h.
#pragma once

#include <cstdint>

#include "kernels/core/lanes.h"
#include "kernels/math/exp_constants.h"
#include "kernels/math/tanh_constants.h"

namespace samebits::SAMEBITS_ISA {

// x = tanh(x) for x in [0, kTanhHighest], before it is rounded to binary32. N side by side: one
// alone would wait for each of its steps.
template <class Wide, class WideBits, int N>
[[gnu::always_inline]] inline void WideTanh(Wide (&x)[N]) {
  constexpr Wide kZero = {};
  Wide shifted[N], r[N], p[N];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    const Wide z = x[j] + x[j];
    shifted[j] = Fma(z, kZero + kExpLog2E, kZero + kExpRounder);
    const Wide n = shifted[j] - kExpRounder;
    // -n times a number is n times its negative.
    r[j] = Fma(n, kZero - kExpLn2Low, Fma(n, kZero - kExpLn2High, z));
    p[j] = kZero + kTanhPolynomial.coefficients[kTanhDegree];
  }
#pragma GCC unroll 16
  for (int i = kTanhDegree - 1; i >= 0; --i) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) p[j] = Fma(p[j], r[j], kZero + kTanhPolynomial.coefficients[i]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    const Wide q = Fma(r[j] * r[j], p[j], r[j]);
    const Wide power =
        __builtin_bit_cast(Wide, __builtin_bit_cast(WideBits, kZero + 1.0) +
                                     (__builtin_bit_cast(WideBits, shifted[j]) << 52));
    const Wide e = Fma(power, q, power - 1.0);
    x[j] = e / (e + 2.0);
  }
}

// |x| up to where tanh is 1. A NaN passes the compare and stays NaN to the end.
template <class Values>
[[gnu::always_inline]] inline Values MagnitudeForTanh(Values x) {
  constexpr Values kHighest = Values{} + static_cast<float>(kTanhHighest);
  const Values magnitude = x < 0.0f ? -x : x;  // -0 keeps its sign, and loses it in the division
  return magnitude > kHighest ? kHighest : magnitude;
}

template <int Vectors>
[[gnu::always_inline]] inline void TanhOfVectors(const float* x, float* y) {
  constexpr std::uint32_t kSign = 0x80000000u;
  Words signs[Vectors];
  Doubles wide[2 * Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const Floats values = Load<Floats>(x + v * kVectorLanes);
    signs[v] = __builtin_bit_cast(Words, values) & kSign;
    const Floats magnitude = MagnitudeForTanh(values);
    wide[2 * v] = WidenLow(magnitude), wide[2 * v + 1] = WidenHigh(magnitude);
  }
  WideTanh<Doubles, LongWords>(wide);
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const Floats tanh = Narrow(wide[2 * v], wide[2 * v + 1]);
    Store(__builtin_bit_cast(Floats, __builtin_bit_cast(Words, tanh) | signs[v]),
          y + v * kVectorLanes);
  }
}

// y[i] = tanh(x[i]); x and y may be the same.
inline void Tanh(std::int64_t count, const float* x, float* y) {
  constexpr int kVectors = 2;
  std::int64_t i = 0;
  for (; i + kVectors * kVectorLanes <= count; i += kVectors * kVectorLanes) {
    TanhOfVectors<kVectors>(x + i, y + i);
  }
  for (; i + kVectorLanes <= count; i += kVectorLanes) TanhOfVectors<1>(x + i, y + i);
  for (; i < count; ++i) {
    const float value = x[i];
    double wide[] = {static_cast<double>(MagnitudeForTanh(value))};
    WideTanh<double, std::uint64_t>(wide);
    y[i] = __builtin_copysignf(static_cast<float>(wide[0]), value);
  }
}

}  // namespace samebits::SAMEBITS_ISA
