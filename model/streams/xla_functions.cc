#include "model/streams/xla_functions.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

namespace samebits {
namespace {

// c[0] * x^(n-1) + ... + c[n-1], one fma per step.
float Horner(std::span<const float> c, float x) {
  float sum = c[0];
  for (const float next : c.subspan(1)) sum = std::fma(sum, x, next);
  return sum;
}

}  // namespace

float XlaLog(float x) {
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

float XlaLog1p(float x) {
  if (std::fabs(x) >= 0.41421356237309504880f) return XlaLog(1.0f + x);
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

float XlaErfInv(float x) {
  constexpr float kCentre[] = {2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
                               -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
                               -0.00417768164f,  0.246640727f,    1.50140941f};
  constexpr float kTails[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f,
                              -0.00367342844f,  0.00573950773f,  -0.0076224613f,
                              0.00943887047f,   1.00167406f,     2.83297682f};
  const float w = -XlaLog1p(-(x * x));
  return (w < 5.0f ? Horner(kCentre, w - 2.5f) : Horner(kTails, std::sqrt(w) - 3.0f)) * x;
}

}  // namespace samebits
