// The contract of the exact tier, by integers.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/exact/exact.h"

namespace samebits::exact::reference {
namespace {

// A line of `count` floats, `step` apart.
struct Line {
  bool finite = true;
  int unit = 0;  // its exponent
  std::vector<std::int64_t> values;
};

Line ReadLine(const float* first, std::int64_t step, std::int64_t count) {
  Line line;
  float largest = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(first[i * step]);
    if (!std::isfinite(magnitude)) line.finite = false;
    if (magnitude > largest) largest = magnitude;
  }
  line.values.assign(static_cast<std::size_t>(count), 0);
  if (!line.finite || largest == 0.0f) return line;
  // Binary64 holds every quotient of a float and a unit.
  const auto in_units = [&](float x) {
    return static_cast<std::int64_t>(std::nearbyint(std::ldexp(double{x}, -line.unit)));
  };
  line.unit = std::ilogb(largest) - 22;
  if (in_units(largest) > kLargest) ++line.unit;
  for (std::int64_t i = 0; i < count; ++i) {
    line.values[static_cast<std::size_t>(i)] = in_units(first[i * step]);
  }
  return line;
}

// sum * 2^exponent.
float Round(std::int64_t sum, int exponent) {
  constexpr int kLowest = -149;  // exponent of the last place of subnormals
  auto units = static_cast<std::uint64_t>(sum < 0 ? -sum : sum);
  int drop = std::bit_width(units) - 24;
  if (exponent + drop < kLowest) drop = kLowest - exponent;
  if (drop >= 64) {
    units = 0;  // less than half of the last place
  } else if (drop > 0) {
    const std::uint64_t half = std::uint64_t{1} << (drop - 1);
    const std::uint64_t rest = units & (2 * half - 1);
    units >>= drop;
    if (rest > half || (rest == half && (units & 1) != 0)) ++units;
  }
  const float magnitude = std::ldexp(static_cast<float>(units), exponent + (drop > 0 ? drop : 0));
  return sum < 0 ? -magnitude : magnitude;
}

}  // namespace

void Product(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  std::vector<Line> columns;
  for (std::int64_t o = 0; o < s.k; ++o) columns.push_back(ReadLine(buffers.in(1) + o, s.k, s.c));
  for (std::int64_t n = 0; n < s.n; ++n) {
    const Line row = ReadLine(buffers.in(0) + n * s.c, 1, s.c);
    for (std::int64_t o = 0; o < s.k; ++o) {
      const Line& column = columns[static_cast<std::size_t>(o)];
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < row.values.size(); ++i) sum += row.values[i] * column.values[i];
      buffers.out(0)[n * s.k + o] = row.finite && column.finite
                                        ? Round(sum, row.unit + column.unit)
                                        : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace samebits::exact::reference
