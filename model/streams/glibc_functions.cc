#include "model/streams/glibc_functions.h"

#include <bit>
#include <cstdint>
#include <utility>

namespace samebits {

float GlibcLog(float x) {
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

SinCos GlibcSinCos(float x) {
  // The borders are compared by sign, exponent and three bits more.
  const auto top = [](float y) { return std::bit_cast<std::uint32_t>(y) >> 20; };
  if (top(x) < top(0x1p-12f)) return {x, 1.0f};
  double y = x;
  int quarter = 0;
  if (top(x) >= top(0x1.921fb6p-1f)) {  // pi / 4: the nearest multiple of pi / 2 is taken away
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
  SinCos result = {static_cast<float>(sin), static_cast<float>((quarter & 2) != 0 ? -cos : cos)};
  if ((quarter & 1) != 0) std::swap(result.sin, result.cos);
  return result;
}

}  // namespace samebits
