#include "kernels/math/tanh.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/math/exp_constants.h"
#include "kernels/math/tanh_constants.h"

namespace samebits {

float Tanh(float x) {
  if (x != x) return std::bit_cast<float>(0x7fc00000);
  double z = std::fabs(x);
  if (z > kTanhHighest) z = kTanhHighest;
  z = z + z;

  const double shifted = std::fma(z, kExpLog2E, kExpRounder);
  const double n = shifted - kExpRounder;
  const double r = std::fma(-n, kExpLn2Low, std::fma(-n, kExpLn2High, z));

  double p = kTanhPolynomial.coefficients[kTanhDegree];
  for (int i = kTanhDegree - 1; i >= 0; --i) {
    p = std::fma(p, r, kTanhPolynomial.coefficients[i]);
  }
  const double q = std::fma(r * r, p, r);

  // 2^n: the shift leaves n alone, in the place of an exponent.
  const double power = std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0) +
                                             (std::bit_cast<std::uint64_t>(shifted) << 52));
  const double e = std::fma(power, q, power - 1.0);
  return std::copysign(static_cast<float>(e / (e + 2.0)), x);
}

}  // namespace samebits
