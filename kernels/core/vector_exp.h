// Exp (kernels/math/exp.h) without a branch or a call, so that a compiler vectorises a loop of it.
// The same operations on numbers in the same order, hence the same bits. Included like lane_dot.h.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/math/exp_constants.h"

namespace samebits::SAMEBITS_ISA {

// Clamp and NaN are chosen by integers: g++ keeps a comparison of floats, which might trap, as a
// branch, and a loop with one stays scalar.
[[gnu::always_inline]] inline float Exp(float x) {
  constexpr auto kHighest = std::bit_cast<std::uint32_t>(static_cast<float>(kExpHighest));
  constexpr auto kLowest = std::bit_cast<std::uint32_t>(static_cast<float>(kExpLowest));
  constexpr std::uint32_t kSign = 0x80000000u, kInfinity = 0x7f800000u;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits & kSign, magnitude = bits & ~kSign;
  const std::uint32_t most = sign != 0 ? kLowest & ~kSign : kHighest;
  const double clamped = std::bit_cast<float>(sign | (magnitude < most ? magnitude : most));
  const double shifted = std::fma(clamped, kExpLog2E, kExpRounder);
  const double n = shifted - kExpRounder;
  const double r = std::fma(-n, kExpLn2Low, std::fma(-n, kExpLn2High, clamped));
  double p = kExpPolynomial[kExpDegree];
#pragma GCC unroll 16
  for (int i = kExpDegree - 1; i >= 0; --i) p = std::fma(p, r, kExpPolynomial[i]);
  const std::uint64_t scaled =
      std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52);
  const float result = static_cast<float>(std::bit_cast<double>(scaled));
  const std::uint32_t keep = magnitude > kInfinity ? ~0u : 0u;
  return std::bit_cast<float>((bits & keep) | (std::bit_cast<std::uint32_t>(result) & ~keep));
}

}  // namespace samebits::SAMEBITS_ISA
