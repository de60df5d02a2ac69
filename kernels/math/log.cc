#include "kernels/math/log.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/math/double_double.h"
#include "kernels/math/log_constants.h"

namespace samebits {
namespace {

// As kLogMostDivisor says.
double AtanhTail(double z) {
  double sum = 2.0 / kLogMostDivisor;
  for (int divisor = kLogMostDivisor - 2; divisor >= 3; divisor -= 2)
    sum = std::fma(sum, z, 2.0 / divisor);
  return sum;
}

}  // namespace

float Log(float x) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!(x >= 0)) return std::bit_cast<float>(0x7fc00000);
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return kInfinity;

  // Every binary32 number, subnormal or not, is a normal one in binary64.
  const std::int64_t bits = std::bit_cast<std::int64_t>(static_cast<double>(x));
  const std::int64_t k = (bits - kLogSqrtHalfBits) >> kLogFractionBits;
  const double m = std::bit_cast<double>(bits - (k << kLogFractionBits));

  // m has 24 bits: m - 1 and m + 1 are exact.
  const double s = (m - 1) / (m + 1);
  const double s_low = std::fma(-s, m + 1, m - 1) / (m + 1);
  const double tail = s * (s * s) * AtanhTail(s * s);

  const double exponent = static_cast<double>(k);
  const DoubleDouble sum = FastTwoSum(exponent * kLogLn2High, 2 * s);
  const double low = sum.low + (tail + (2 * s_low + exponent * kLogLn2Low));
  return RoundToFloat(FastTwoSum(sum.high, low));
}

}  // namespace samebits
