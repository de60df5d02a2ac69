// The elementary functions behind Keras' normal distributions, once for processors and GPUs.
//
// XLA's, as on a CPU: binary32 throughout, and every product that is added is fused. glibc's logf
// and sincosf, as since version 2.28 (the algorithms of ARM's optimized-routines): binary64 inside,
// one rounding to binary32 at the end; the same with and without fused products. No function here
// is correctly rounded, and the correctly rounded ones give other weights. Nothing but what is
// written as fused may be (--fmad=false).
//
// All of it has internal linkage: a file that is built for an ISA shares none of its code.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define SAMEBITS_ANYWHERE __host__ __device__
#else
#define SAMEBITS_ANYWHERE
#endif

namespace samebits::stream_functions {
namespace {

// c[0] * x^(n-1) + ... + c[n-1], one fma per step.
template <int n>
SAMEBITS_ANYWHERE inline float Horner(const float (&c)[n], float x) {
  float sum = c[0];
  for (int i = 1; i < n; ++i) sum = std::fma(sum, x, c[i]);
  return sum;
}

// log(x), x positive and normal, as XLA has it.
SAMEBITS_ANYWHERE inline float LogByXla(float x) {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); f = m - 1.
  const auto bits = std::bit_cast<std::uint32_t>(x);
  auto e = static_cast<float>(static_cast<int>(bits >> 23) - 126);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F000000);
  float f = m - 1.0f;
  if (m < 0.707106781186547524f) {
    e -= 1.0f;
    f += m;
  }

  constexpr float kHigh[] = {7.0376836292E-2f, -1.1514610310E-1f, 1.1676998740E-1f};
  constexpr float kMiddle[] = {-1.2420140846E-1f, 1.4249322787E-1f, -1.6668057665E-1f};
  constexpr float kLow[] = {2.0000714765E-1f, -2.4999993993E-1f, 3.3333331174E-1f};
  const float f2 = f * f, f3 = f2 * f;
  float y = std::fma(Horner(kHigh, f), f3, Horner(kMiddle, f));
  y = std::fma(y, f3, Horner(kLow, f));

  // e * ln 2 in two parts: the small one with the polynomial, the large one last.
  y = std::fma(y, f3, -2.12194440e-4f * e);
  return std::fma(e, 0.693359375f, std::fma(-0.5f, f2, f) + y);
}

// log(1 + x), x > -1.
SAMEBITS_ANYWHERE inline float Log1pByXla(float x) {
  if (std::fabs(x) >= 0.41421356237309504880f) return LogByXla(1.0f + x);
  constexpr float kDenominator[] = {1.0f,
                                    15.062909083469192f,
                                    83.047565967967209f,
                                    221.76239823732856f,
                                    309.09872225312060f,
                                    216.42788614495948f,
                                    60.118660497603844f};
  constexpr float kNumerator[] = {4.5270000862445199e-5f, 0.49854102823193375f, 6.5787325942061045f,
                                  29.911919332853073f,    60.949667980987787f,  57.112963590585538f,
                                  20.039553499201281f};
  const float x2 = x * x;
  const float rest = (x * x2) * (Horner(kNumerator, x) / Horner(kDenominator, x));
  return x + std::fma(-0.5f, x2, rest);
}

// The inverse of erf, |x| < 1 (M. Giles, "Approximating the erfinv function", 2010).
SAMEBITS_ANYWHERE inline float ErfInvByXla(float x) {
  constexpr float kCentre[] = {2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
                               -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
                               -0.00417768164f,  0.246640727f,    1.50140941f};
  constexpr float kTails[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f,
                              -0.00367342844f,  0.00573950773f,  -0.0076224613f,
                              0.00943887047f,   1.00167406f,     2.83297682f};
  const float w = -Log1pByXla(-(x * x));
  return (w < 5.0f ? Horner(kCentre, w - 2.5f) : Horner(kTails, std::sqrt(w) - 3.0f)) * x;
}

// log(x), x positive and normal, as glibc has it.
SAMEBITS_ANYWHERE inline float LogByGlibc(float x) {
  // Of each sixteenth of [0x3f330000, twice that): 1/c and log(c) for a c near its middle.
  struct Part {
    double inverse, log;
  };
  static constexpr Part kParts[16] = {
      {0x1.661ec79f8f3bep+0, -0x1.57bf7808caadep-2}, {0x1.571ed4aaf883dp+0, -0x1.2bef0a7c06ddbp-2},
      {0x1.49539f0f010bp+0, -0x1.01eae7f513a67p-2},  {0x1.3c995b0b80385p+0, -0x1.b31d8a68224e9p-3},
      {0x1.30d190c8864a5p+0, -0x1.6574f0ac07758p-3}, {0x1.25e227b0b8eap+0, -0x1.1aa2bc79c81p-3},
      {0x1.1bb4a4a1a343fp+0, -0x1.a4e76ce8c0e5ep-4}, {0x1.12358f08ae5bap+0, -0x1.1973c5a611cccp-4},
      {0x1.0953f419900a7p+0, -0x1.252f438e10c1ep-5}, {0x1p+0, 0x0p+0},
      {0x1.e608cfd9a47acp-1, 0x1.aa5aa5df25984p-5},  {0x1.ca4b31f026aap-1, 0x1.c5e53aa362eb4p-4},
      {0x1.b2036576afce6p-1, 0x1.526e57720db08p-3},  {0x1.9c2d163a1aa2dp-1, 0x1.bc2860d22477p-3},
      {0x1.886e6037841edp-1, 0x1.1058bc8a07ee1p-2},  {0x1.767dcf5534862p-1, 0x1.4043057b6ee09p-2}};
  if (x == 1.0f) return 0.0f;
  // x = z * 2^k, and with the part that z lies in, log(x) = log(z/c) + log(c) + k log(2).
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t offset = bits - 0x3F330000;
  const Part& part = kParts[(offset >> 19) & 15];
  const int k = static_cast<std::int32_t>(offset) >> 23;
  const double z = std::bit_cast<float>(bits - (offset & 0xFF800000));
  const double r = z * part.inverse - 1.0, r2 = r * r;
  const double y0 = part.log + k * 0x1.62e42fefa39efp-1;
  const double y = -0x1.00ea348b88334p-2 * r2 + (0x1.5575b0be00b6ap-2 * r + -0x1.ffffef20a4123p-2);
  return static_cast<float>(y * r2 + (y0 + r));
}

struct Wave {
  float sin, cos;
};

// 0 <= x < 120, in radians.
SAMEBITS_ANYWHERE inline Wave SinCosByGlibc(float x) {
  // The borders are compared by sign, exponent and three bits more.
  const std::uint32_t top = std::bit_cast<std::uint32_t>(x) >> 20;
  if (top < std::bit_cast<std::uint32_t>(0x1p-12f) >> 20) return {x, 1.0f};
  double y = x;
  int quarter = 0;
  // From pi / 4 on the nearest multiple of pi / 2 is taken away.
  if (top >= std::bit_cast<std::uint32_t>(0x1.921fb6p-1f) >> 20) {
    quarter = (static_cast<std::int32_t>(y * 0x1.45F306DC9C883p+23) + 0x800000) >> 24;
    y -= quarter * 0x1.921FB54442D18p0;
  }
  constexpr double kSigns[] = {1.0, -1.0, -1.0, 1.0};
  const double y2 = y * y, y4 = y2 * y2;
  y *= kSigns[quarter & 3];
  const double y3 = y2 * y;
  const double sin = (y + y3 * -0x1.555545995a603p-3) +
                     (y3 * y2) * (0x1.1107605230bc4p-7 + y2 * -0x1.994eb3774cf24p-13);
  const double cos = ((1.0 + y2 * -0x1.ffffffd0c621cp-2) + y4 * 0x1.55553e1068f19p-5) +
                     (y4 * y2) * (-0x1.6c087e89a359dp-10 + y2 * 0x1.99343027bf8c3p-16);
  const Wave wave = {static_cast<float>(sin), static_cast<float>((quarter & 2) != 0 ? -cos : cos)};
  return (quarter & 1) != 0 ? Wave{wave.cos, wave.sin} : wave;
}

}  // namespace
}  // namespace samebits::stream_functions
