#include "conformance/wrong_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/exact/exact.h"

namespace samebits {
namespace {

struct Mistakes {
  bool cut = false;              // to fixed point, instead of to the nearest
  bool ties_away = false;        // instead of to even
  bool rounded_twice = false;    // where the unit changes
  bool unit_kept = false;        // where three digits do not reach
  bool unit_of_power = false;    // changed already where a value is 2^22 units
  bool one_unit = false;         // for all lines
  bool two_digits = false;       // the lowest left out
  bool sums_in_32_bits = false;  // of the products of digits that are worth the same
  bool sums_in_double = false;
  bool flushed = false;    // what is below the normal numbers, at the end
  bool saturated = false;  // at the end, instead of infinity
};

constexpr int kDigits = 3;
using Digits = std::array<std::int8_t, kDigits>;

struct Line {
  bool finite;
  int unit;
  std::vector<std::int64_t> values;
};

template <Mistakes wrong>
std::int64_t Round(double units) {
  if (wrong.cut) return static_cast<std::int64_t>(units);
  return static_cast<std::int64_t>(wrong.ties_away ? std::round(units) : std::nearbyint(units));
}

float LargestOf(const float* values, std::int64_t step, std::int64_t count) {
  float largest = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i * step]);
    if (!(magnitude <= largest)) largest = magnitude;
    if (largest != largest) break;
  }
  return largest;
}

// `largest` is that of the values, or of all lines.
template <Mistakes wrong>
Line ReadLine(const float* values, std::int64_t step, std::int64_t count, float largest) {
  Line line{std::isfinite(largest), 0, std::vector<std::int64_t>(static_cast<std::size_t>(count))};
  if (!line.finite || largest == 0.0f) return line;
  const int first_unit = std::ilogb(largest) - 22;
  line.unit = first_unit;
  const std::int64_t reach = wrong.unit_of_power ? 1 << 22 : exact::kLargest;
  if (!wrong.unit_kept && Round<wrong>(std::ldexp(largest, -first_unit)) > reach) ++line.unit;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = values[i * step];
    std::int64_t& rounded = line.values[static_cast<std::size_t>(i)];
    rounded = Round<wrong>(std::ldexp(value, -line.unit));
    if (wrong.rounded_twice) {
      const auto once = static_cast<double>(Round<wrong>(std::ldexp(value, -first_unit)));
      rounded = Round<wrong>(std::ldexp(once, first_unit - line.unit));
    }
  }
  return line;
}

// Of what three digits do not reach, the last one is another.
Digits DigitsOf(std::int64_t value) {
  Digits digits;
  for (std::int8_t& digit : digits) {
    digit = static_cast<std::int8_t>(value);
    value = (value - digit) >> 8;
  }
  return digits;
}

template <Mistakes wrong>
double Sum(const Line& row, const Line& column) {
  double in_double = 0;
  std::array<std::int64_t, 2 * kDigits - 1> by_worth{};
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    const Digits a = DigitsOf(row.values[i]), b = DigitsOf(column.values[i]);
    in_double += static_cast<double>(row.values[i] * column.values[i]);
    for (std::size_t j = wrong.two_digits ? 1 : 0; j < kDigits; ++j) {
      for (std::size_t k = wrong.two_digits ? 1 : 0; k < kDigits; ++k) {
        by_worth[j + k] += a[j] * b[k];
      }
    }
  }
  if (wrong.sums_in_double) return in_double;
  std::int64_t sum = 0;
  for (std::size_t worth = by_worth.size(); worth-- > 0;) {
    const std::int64_t own = by_worth[worth];
    sum = sum * 256 + (wrong.sums_in_32_bits ? static_cast<std::int32_t>(own) : own);
  }
  // To odd, in 52 bits.
  constexpr std::int64_t kExact = std::int64_t{1} << 52;
  if (sum >= -kExact && sum <= kExact) return static_cast<double>(sum);
  return static_cast<double>((sum >> 11) | ((sum & 0x7ff) != 0)) * 2048.0;
}

template <Mistakes wrong>
void Product(const Case& id, const Buffers& buffers, Team&) {
  const exact::Shape s = exact::ShapeOf(id);
  const float *x = buffers.in(0), *w = buffers.in(1);
  std::vector<Line> columns;
  const float of_all = LargestOf(w, 1, s.c * s.k);
  for (std::int64_t o = 0; o < s.k; ++o) {
    columns.push_back(
        ReadLine<wrong>(w + o, s.k, s.c, wrong.one_unit ? of_all : LargestOf(w + o, s.k, s.c)));
  }
  for (std::int64_t n = 0; n < s.n; ++n) {
    const Line row = ReadLine<wrong>(x + n * s.c, 1, s.c, LargestOf(x + n * s.c, 1, s.c));
    for (std::int64_t o = 0; o < s.k; ++o) {
      const Line& column = columns[static_cast<std::size_t>(o)];
      float y = static_cast<float>(std::ldexp(Sum<wrong>(row, column), row.unit + column.unit));
      if (wrong.flushed && !std::isnormal(y) && std::isfinite(y)) y = y * 0.0f;
      if (wrong.saturated && std::isinf(y)) y = std::copysign(std::numeric_limits<float>::max(), y);
      buffers.out(0)[n * s.k + o] =
          row.finite && column.finite ? y : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

constexpr WrongKernel kProducts[] = {
    {"values cut to fixed point", Product<Mistakes{.cut = true}>},
    {"ties rounded away from zero", Product<Mistakes{.ties_away = true}>},
    {"values rounded to both units", Product<Mistakes{.rounded_twice = true}>},
    {"the unit kept where three digits do not reach", Product<Mistakes{.unit_kept = true}>},
    {"the unit changed above 2^22 units", Product<Mistakes{.unit_of_power = true}>},
    {"one unit for all columns", Product<Mistakes{.one_unit = true}>},
    {"two digits instead of three", Product<Mistakes{.two_digits = true}>},
    {"sums of three products of digits in 32 bits", Product<Mistakes{.sums_in_32_bits = true}>},
    {"integers summed in double precision", Product<Mistakes{.sums_in_double = true}>},
    {"subnormal results flushed to zero", Product<Mistakes{.flushed = true}>},
    {"the largest number instead of infinity", Product<Mistakes{.saturated = true}>},
};

}  // namespace

std::span<const WrongKernel> WrongKernels(const Op& op) {
  return &op == &exact::kProduct ? std::span<const WrongKernel>(kProducts)
                                 : std::span<const WrongKernel>();
}

void ProductWithoutMistake(const Case& id, const Buffers& buffers, Team& team) {
  Product<Mistakes{}>(id, buffers, team);
}

}  // namespace samebits
