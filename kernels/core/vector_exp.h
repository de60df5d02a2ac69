// Exp (kernels/math/exp.h) of many numbers: the same operations in the same order, hence the same
// bits. Included like lane_dot.h.
#pragma once

#include <cstdint>

#include "kernels/core/lanes.h"
#include "kernels/math/exp_constants.h"

namespace samebits::SAMEBITS_ISA {

// x = e^x for x in [kExpLowest, kExpHighest], before it is rounded to binary32. N side by side: one
// alone would wait for each of its steps.
template <class Wide, class WideBits, int N>
[[gnu::always_inline]] inline void WideExp(Wide (&x)[N]) {
  constexpr Wide kZero = {};
  Wide shifted[N], p[N];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    shifted[j] = Fma(x[j], kZero + kExpLog2E, kZero + kExpRounder);
    const Wide n = shifted[j] - kExpRounder;
    // -n times a number is n times its negative.
    x[j] = Fma(n, kZero - kExpLn2Low, Fma(n, kZero - kExpLn2High, x[j]));
    p[j] = kZero + kExpPolynomial[kExpDegree];
  }
#pragma GCC unroll 16
  for (int i = kExpDegree - 1; i >= 0; --i) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) p[j] = Fma(p[j], x[j], kZero + kExpPolynomial[i]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    x[j] = __builtin_bit_cast(Wide, __builtin_bit_cast(WideBits, p[j]) +
                                        (__builtin_bit_cast(WideBits, shifted[j]) << 52));
  }
}

// A NaN passes both compares, and the low bits of `shifted` are then 0: it stays NaN to the end.
template <class Values>
[[gnu::always_inline]] inline Values ClampForExp(Values x) {
  constexpr Values kLowest = Values{} + static_cast<float>(kExpLowest);
  constexpr Values kHighest = Values{} + static_cast<float>(kExpHighest);
  const Values raised = x < kLowest ? kLowest : x;
  return raised > kHighest ? kHighest : raised;
}

template <int Vectors>
[[gnu::always_inline]] inline void ExpOfVectors(const float* x, float* y) {
  Doubles wide[2 * Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const Floats clamped = ClampForExp(Load<Floats>(x + v * kVectorLanes));
    wide[2 * v] = WidenLow(clamped), wide[2 * v + 1] = WidenHigh(clamped);
  }
  WideExp<Doubles, LongWords>(wide);
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    Store(Narrow(wide[2 * v], wide[2 * v + 1]), y + v * kVectorLanes);
  }
}

// y[i] = e^x[i]; x and y may be the same.
inline void Exp(std::int64_t count, const float* x, float* y) {
  constexpr int kVectors = 2;
  std::int64_t i = 0;
  for (; i + kVectors * kVectorLanes <= count; i += kVectors * kVectorLanes) {
    ExpOfVectors<kVectors>(x + i, y + i);
  }
  for (; i + kVectorLanes <= count; i += kVectorLanes) ExpOfVectors<1>(x + i, y + i);
  for (; i < count; ++i) {
    double wide[] = {static_cast<double>(ClampForExp(x[i]))};
    WideExp<double, std::uint64_t>(wide);
    y[i] = static_cast<float>(wide[0]);
  }
}

}  // namespace samebits::SAMEBITS_ISA
