// Exp (kernels/math/exp.h) without a branch or a call, so that a compiler vectorises a loop of it.
// The same operations in the same order, hence the same bits. Included like lane_dot.h.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/math/exp_constants.h"

namespace samebits::SAMEBITS_ISA {

[[gnu::always_inline]] inline float Exp(float x) {
  double clamped = static_cast<double>(x);
  clamped = clamped < kExpLowest ? kExpLowest : clamped;
  clamped = clamped > kExpHighest ? kExpHighest : clamped;
  const double shifted = std::fma(clamped, kExpLog2E, kExpRounder);
  const double n = shifted - kExpRounder;
  const double r = std::fma(-n, kExpLn2Low, std::fma(-n, kExpLn2High, clamped));
  double p = kExpPolynomial[kExpDegree];
#pragma GCC unroll 16
  for (int i = kExpDegree - 1; i >= 0; --i) p = std::fma(p, r, kExpPolynomial[i]);
  const std::uint64_t scaled =
      std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52);
  const float result = static_cast<float>(std::bit_cast<double>(scaled));
  return x != x ? x : result;
}

}  // namespace samebits::SAMEBITS_ISA
