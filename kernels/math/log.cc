#include "kernels/math/log.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/math/double_double.h"

namespace samebits {
namespace {

// ln 2 = high + low, to 95 bits; high has 42 of them, so that k * high is exact.
constexpr double kLn2High = 0x1.62e42fefa38p-1;
constexpr double kLn2Low = 0x1.ef35793c7673p-45;

constexpr std::int64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
constexpr int kFractionBits = 52;

// 2 (atanh(s) / s - 1) / s^2 = 2/3 + 2/5 z + 2/7 z^2 + ..., z = s^2 < 0.0295: the first term left
// out is below 2^-65 of atanh(s).
double AtanhTail(double z) {
  double sum = 2.0 / 23;
  for (int divisor = 21; divisor >= 3; divisor -= 2) sum = std::fma(sum, z, 2.0 / divisor);
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
  const std::int64_t k = (bits - kSqrtHalfBits) >> kFractionBits;
  const double m = std::bit_cast<double>(bits - (k << kFractionBits));

  // m has 24 bits: m - 1 and m + 1 are exact.
  const double s = (m - 1) / (m + 1);
  const double s_low = std::fma(-s, m + 1, m - 1) / (m + 1);
  const double tail = s * (s * s) * AtanhTail(s * s);

  const double exponent = static_cast<double>(k);
  const DoubleDouble sum = FastTwoSum(exponent * kLn2High, 2 * s);
  const double low = sum.low + (tail + (2 * s_low + exponent * kLn2Low));
  return RoundToFloat(FastTwoSum(sum.high, low));
}

}  // namespace samebits
