// The contract of the conversions, by the arithmetic of the formats.
#include <bit>
#include <cmath>

#include "kernels/convert/convert.h"
#include "kernels/core/team.h"

namespace samebits::convert::reference {
namespace {

// All in binary64, which holds every number of these formats, and each quotient exactly.
std::uint16_t Narrow(const Format& f, float x) {
  const int fraction = f.precision - 1;
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 0x8000 : 0);
  const int biased_infinity = f.highest - f.lowest + 2;
  const auto infinity = static_cast<std::uint16_t>(biased_infinity << fraction);
  if (x != x) return static_cast<std::uint16_t>(infinity | 1 << (fraction - 1));
  const double magnitude = std::fabs(double{x});
  if (std::isinf(magnitude)) return static_cast<std::uint16_t>(sign | infinity);
  int exponent = magnitude == 0 ? f.lowest : std::ilogb(magnitude);
  if (exponent < f.lowest) exponent = f.lowest;
  // In units of the last place.
  const double units = std::nearbyint(std::ldexp(magnitude, fraction - exponent));
  if (std::ldexp(units, exponent - fraction) >= std::ldexp(1.0, f.highest + 1)) {
    return static_cast<std::uint16_t>(sign | infinity);
  }
  // A normal number's leading one counts as one exponent; rounding up to the next power of two
  // carries into it by itself.
  const int encoded = static_cast<int>(units) + ((exponent - f.lowest) << fraction);
  return static_cast<std::uint16_t>(sign | encoded);
}

float Widen(const Format& f, std::uint16_t bits) {
  const int fraction = f.precision - 1;
  const int biased = (bits & 0x7fff) >> fraction, low = bits & ((1 << fraction) - 1);
  if (biased == f.highest - f.lowest + 2) {
    if (low != 0) return std::bit_cast<float>(0x7fc00000);
    return bits >> 15 ? -INFINITY : INFINITY;
  }
  const int significand = biased == 0 ? low : low | 1 << fraction;
  const int exponent = (biased == 0 ? 1 : biased) - 1 + f.lowest - fraction;
  const auto magnitude = static_cast<float>(std::ldexp(double(significand), exponent));
  return bits >> 15 ? -magnitude : magnitude;
}

}  // namespace

void Narrow(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  for (std::int64_t i = 0; i < s.n; ++i) {
    buffers.out<std::uint16_t>(0)[i] = Narrow(s.format(), buffers.in(0)[i] * s.scale);
  }
}

void Widen(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  for (std::int64_t i = 0; i < s.n; ++i) {
    buffers.out(0)[i] = Widen(s.format(), buffers.in<std::uint16_t>(0)[i]) * s.scale;
  }
}

}  // namespace samebits::convert::reference
