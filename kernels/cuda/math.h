// exp, tanh, log and Adam's powers for the threads of a GPU: the same operations in the same order
// as kernels/math, hence the same bits. Included by .cu files.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/math/exp_constants.h"
#include "kernels/math/log_constants.h"
#include "kernels/math/tanh_constants.h"

namespace samebits::SAMEBITS_GPU {
namespace {

__device__ inline float NotANumber() { return __int_as_float(0x7fc00000); }

// x = n ln(2) + r: r, and n in the low bits of `shifted`.
struct Reduced {
  double shifted, r;
};

__device__ inline Reduced ReduceByLn2(double x) {
  const double shifted = __fma_rn(x, kExpLog2E, kExpRounder);
  const double n = shifted - kExpRounder;
  return {shifted, __fma_rn(-n, kExpLn2Low, __fma_rn(-n, kExpLn2High, x))};
}

__device__ inline float Exp(float x) {
  if (x != x) return NotANumber();
  double clamped = x;
  if (clamped < kExpLowest) clamped = kExpLowest;
  if (clamped > kExpHighest) clamped = kExpHighest;
  const auto [shifted, r] = ReduceByLn2(clamped);
  constexpr double kPolynomial[] = SAMEBITS_EXP_POLYNOMIAL;
  double p = kPolynomial[kExpDegree];
#pragma unroll
  for (int i = kExpDegree - 1; i >= 0; --i) p = __fma_rn(p, r, kPolynomial[i]);
  const long long bits = __double_as_longlong(p);
  const auto power = static_cast<unsigned long long>(__double_as_longlong(shifted)) << 52;
  return static_cast<float>(__longlong_as_double(static_cast<long long>(bits + power)));
}

__device__ inline float Tanh(float x) {
  if (x != x) return NotANumber();
  double z = x < 0.0f ? -static_cast<double>(x) : static_cast<double>(x);
  if (z > kTanhHighest) z = kTanhHighest;
  z = z + z;
  const auto [shifted, r] = ReduceByLn2(z);
  constexpr TanhPolynomial kPolynomial;
  double p = kPolynomial.coefficients[kTanhDegree];
#pragma unroll
  for (int i = kTanhDegree - 1; i >= 0; --i) p = __fma_rn(p, r, kPolynomial.coefficients[i]);
  const double q = __fma_rn(r * r, p, r);
  const auto exponent = static_cast<unsigned long long>(__double_as_longlong(shifted)) << 52;
  const double power = __longlong_as_double(static_cast<long long>(
      static_cast<unsigned long long>(__double_as_longlong(1.0)) + exponent));
  const double e = __fma_rn(power, q, power - 1.0);
  const auto magnitude = static_cast<float>(e / (e + 2.0));
  // The sign of x, of -0 too.
  const int sign = __float_as_int(x) & static_cast<int>(0x80000000U);
  return __int_as_float(__float_as_int(magnitude) | sign);
}

struct Pair {
  double high, low;  // an unevaluated sum
};

__device__ inline Pair FastTwoSum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

__device__ inline Pair Multiply(Pair a, Pair b) {
  const double product = a.high * b.high;
  const double error = __fma_rn(a.high, b.high, -product);
  return FastTwoSum(product, error + (a.high * b.low + a.low * b.high));
}

// Rounded to odd first, as kernels/math/double_double.h explains.
__device__ inline float RoundToFloat(Pair value) {
  long long bits = __double_as_longlong(value.high);
  if (value.low != 0 && bits % 2 == 0) {
    bits += (value.low > 0) == (value.high > 0) ? 1 : -1;
  }
  return static_cast<float>(__longlong_as_double(bits));
}

__device__ inline float Log(float x) {
  if (!(x >= 0)) return NotANumber();
  if (x == 0) return __int_as_float(0xff800000);
  if (x == __int_as_float(0x7f800000)) return x;
  const long long bits = __double_as_longlong(static_cast<double>(x));
  const long long k = (bits - kLogSqrtHalfBits) >> kLogFractionBits;
  const double m = __longlong_as_double(bits - (k << kLogFractionBits));
  const double s = (m - 1) / (m + 1);
  const double s_low = __fma_rn(-s, m + 1, m - 1) / (m + 1);
  const double z = s * s;
  double sum = 2.0 / kLogMostDivisor;
#pragma unroll
  for (int divisor = kLogMostDivisor - 2; divisor >= 3; divisor -= 2) {
    sum = __fma_rn(sum, z, 2.0 / divisor);
  }
  const double tail = s * z * sum;
  const auto exponent = static_cast<double>(k);
  const Pair high = FastTwoSum(exponent * kLogLn2High, 2 * s);
  const double low = high.low + (tail + (2 * s_low + exponent * kLogLn2Low));
  return RoundToFloat(FastTwoSum(high.high, low));
}

__device__ inline float PowerOfBeta(float base, long long t) {
  Pair result{1, 0}, square{base, 0};
  for (; t > 0; t /= 2) {
    if (t % 2 == 1) result = Multiply(result, square);
    square = Multiply(square, square);
  }
  return RoundToFloat(result);
}

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
