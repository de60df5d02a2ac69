#include "kernels/math/exp.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/math/exp_constants.h"

namespace samebits {

float Exp(float x) {
  if (x != x) return std::bit_cast<float>(0x7fc00000);
  double clamped = x;
  if (clamped < kExpLowest) clamped = kExpLowest;
  if (clamped > kExpHighest) clamped = kExpHighest;

  const double shifted = std::fma(clamped, kExpLog2E, kExpRounder);
  const double n = shifted - kExpRounder;
  const double r = std::fma(-n, kExpLn2Low, std::fma(-n, kExpLn2High, clamped));

  double p = kExpPolynomial[kExpDegree];
  for (int i = kExpDegree - 1; i >= 0; --i) p = std::fma(p, r, kExpPolynomial[i]);

  // The shift drops all but n's low bits; a negative n wraps around, as the exponent's sum needs.
  const std::uint64_t scaled =
      std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52);
  return static_cast<float>(std::bit_cast<double>(scaled));
}

}  // namespace samebits
