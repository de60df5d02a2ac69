// Exp (kernels/math/exp.h) of many numbers: the correctly rounded results, hence the same bits.
// Included like lane_dot.h.
#pragma once

#include <cstdint>

#include "kernels/core/lanes.h"
#include "kernels/math/exp_constants.h"

namespace samebits::SAMEBITS_ISA {

// e^x for x in [kExpLowest, kExpHighest], before it is rounded to binary32.
[[gnu::always_inline]] inline Doubles WideExp(Doubles x) {
  constexpr Doubles kZero = {};
  const Doubles shifted = Fma(x, kZero + kExpLog2E, kZero + kExpRounder);
  const Doubles n = shifted - kExpRounder;
  // -n times a number is n times its negative.
  const Doubles r = Fma(n, kZero - kExpLn2Low, Fma(n, kZero - kExpLn2High, x));
  Doubles p = kZero + kExpPolynomial[kExpDegree];
#pragma GCC unroll 16
  for (int i = kExpDegree - 1; i >= 0; --i) p = Fma(p, r, kZero + kExpPolynomial[i]);
  return __builtin_bit_cast(
      Doubles, __builtin_bit_cast(LongWords, p) + (__builtin_bit_cast(LongWords, shifted) << 52));
}

// e^x correctly rounded. A NaN passes both compares, and the low bits of `shifted` are then 0: it
// stays NaN to the end.
[[gnu::always_inline]] inline Floats WideExpOf(Floats x) {
  constexpr Floats kLowest = Floats{} + static_cast<float>(kExpLowest);
  constexpr Floats kHighest = Floats{} + static_cast<float>(kExpHighest);
  const Floats raised = x < kLowest ? kLowest : x;
  const Floats clamped = raised > kHighest ? kHighest : raised;
  return Narrow(WideExp(WidenLow(clamped)), WideExp(WidenHigh(clamped)));
}

#if defined(__AVX2__)
// The same in binary32, whose vectors have twice the lanes:
//   n = round(8 x / ln 2),  r = x - n ln(2) / 8 = (r, low),  e^x = 2^(n div 8) 2^(n mod 8 / 8) e^r
// as a sum high + rest, whose error has a bound. Where adding or subtracting that bound makes no
// difference to the rounded sum, its rounding is the correct one. False where it does for a lane:
// one vector in fifty.
[[gnu::always_inline]] inline bool ExpInPairs(Floats x, Floats* y) {
  constexpr Floats kZero = {};
  const Floats shifted = Fma(x, kZero + kPairExpEighthsLog2E, kZero + kPairExpRounder);
  const Floats n = shifted - kPairExpRounder;
  const Floats r = Fma(n, kZero - kPairExpHigh, x);
  const Floats square = r * r;
  Floats p = kZero + kPairExpPolynomial[3];
#pragma GCC unroll 3
  for (int i = 2; i >= 0; --i) p = Fma(p, r, kZero + kPairExpPolynomial[i]);
  const Words bits = __builtin_bit_cast(Words, shifted);
  const Floats power = Lookup(kPairExpPower, bits);
  const Floats low = Fma(n, kZero - kPairExpLow, Lookup(kPairExpRest, bits));
  const Floats tail = Fma(square, p, Fma(low, r, low));  // e^(r + low) - 1 - r
  const Floats high = Fma(power, r, power);
  const Floats rest = Fma(power, tail, Fma(power, r, power - high));  // power - high is exact
  const Floats error = Fma(square, kZero + kPairExpErrorOfSquare, kZero + kPairExpError);
  const Floats above = high + (rest + error), below = high + (rest - error);
  *y = __builtin_bit_cast(Floats, __builtin_bit_cast(Words, above) + (bits >> 3 << 23));
  const Floats magnitude = __builtin_bit_cast(Floats, __builtin_bit_cast(Words, x) & 0x7fffffffu);
  return AllLess(magnitude, kZero + kPairExpLimit) && AllEqual(above, below);
}

// y[i] = e^x[i]; x and y may be the same. Calls meanwhile(i) before the vector at i, while memory
// has nothing to do.
template <class Meanwhile>
void Exp(std::int64_t count, const float* x, float* y, const Meanwhile& meanwhile) {
  constexpr std::int64_t kBlock = 64 * kVectorLanes;
  std::int64_t i = 0;
  while (i + kVectorLanes <= count) {
    // The wide way has a loop of its own: the constants of both do not fit into the registers.
    std::int64_t wide[64], wides = 0;
    const std::int64_t end = count - i < kBlock ? count : i + kBlock;
    for (; i + kVectorLanes <= end; i += kVectorLanes) {
      Floats e;
      meanwhile(i);
      if (ExpInPairs(Load<Floats>(x + i), &e)) {
        Store(e, y + i);
      } else {
        wide[wides++] = i;
      }
    }
    for (std::int64_t j = 0; j < wides; ++j) {
      Store(WideExpOf(Load<Floats>(x + wide[j])), y + wide[j]);
    }
  }
  const std::int64_t left = count - i;
  if (left > 0) StoreFirst(WideExpOf(LoadFirst(x + i, left, Floats{})), y + i, left);
}
#else
// y[i] = e^x[i]; x and y may be the same.
template <class Meanwhile>
void Exp(std::int64_t count, const float* x, float* y, const Meanwhile& meanwhile) {
  ForEachPart(count, [&](const auto& load, const auto& store, std::int64_t i) {
    meanwhile(i);
    store(WideExpOf(load(x + i)), y + i);
  });
}
#endif

inline void Exp(std::int64_t count, const float* x, float* y) {
  Exp(count, x, y, [](std::int64_t) {});
}

}  // namespace samebits::SAMEBITS_ISA
