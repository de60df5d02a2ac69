// The integers as binary64, whose fma is exact as long as sums fit: half the speed of binary32,
// where products of digits would take as many instructions, on every ISA.
//
// A sum starts at 1.5 * 2^52, where the last place is 1, and 32 products of 46 bits keep it between
// 2^52 and 2^53: then its bits, less those of the start, are the sum as an integer.
#include <algorithm>

#include "kernels/core/lanes.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/exact/exact.h"

namespace samebits::exact::SAMEBITS_ISA {
namespace {

using namespace samebits::SAMEBITS_ISA;

enum : std::int64_t {
  kDoubles = kVectorLanes / 2,  // in a vector
  kColumns = 2 * kDoubles,      // of a tile
#if defined(__AVX512F__)
  kRows = 12,  // of a tile: 24 sums, of 32 registers
#else
  kRows = 6,  // 12 sums, of 16
#endif
  kExactTerms = 32,  // that a sum in binary64 holds
  kDepth = 128,      // terms that are packed at a time
  // Outputs of a task: what is packed for it and its sums lie in the cache of the second level.
  kTaskRows = 16 * kRows,
  kTaskColumns = 128,
};
static_assert(kDepth % kExactTerms == 0 && kTaskColumns % kColumns == 0);

constexpr double kStart = 0x1.8p52;

// What a line is multiplied by to count units, and its unit: a NaN where the line has no numbers.
struct Scale {
  double to_units, unit;
};

[[gnu::always_inline]] inline double PowerOfTwo(std::int64_t exponent) {
  return __builtin_bit_cast(double, static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// Rounds to the nearest integer, ties to even, as a number around kStart: below 2^51.
[[gnu::always_inline]] inline double RoundToUnits(double x, double to_units) {
  return x * to_units + kStart;
}

// `largest`: the bits of the largest magnitude.
[[gnu::always_inline]] inline Scale ScaleOf(std::uint32_t largest) {
  if (largest >= 0x7f800000) return {0.0, __builtin_nan("")};
  if (largest == 0) return {1.0, 1.0};
  const double m = __builtin_bit_cast(float, largest);
  std::int64_t unit =
      static_cast<std::int64_t>(__builtin_bit_cast(std::uint64_t, m) >> 52) - 1023 - 22;
  if (RoundToUnits(m, PowerOfTwo(-unit)) - kStart > double{kLargest}) ++unit;
  return {PowerOfTwo(-unit), PowerOfTwo(unit)};
}

[[gnu::always_inline]] inline std::uint32_t Magnitude(float x) {
  return __builtin_bit_cast(std::uint32_t, x) & 0x7fffffff;
}

void ScaleRow(const float* x, std::int64_t count, Scale* scale) {
  std::uint32_t largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t magnitude = Magnitude(x[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  *scale = ScaleOf(largest);
}

// Columns [0, count) of w, whose rows are `step` apart; at most kTaskColumns.
void ScaleColumns(const float* w, std::int64_t rows, std::int64_t step, std::int64_t count,
                  Scale* scales) {
  std::uint32_t largest[kTaskColumns] = {};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t o = 0; o < count; ++o) {
      const std::uint32_t magnitude = Magnitude(w[i * step + o]);
      largest[o] = magnitude > largest[o] ? magnitude : largest[o];
    }
  }
  for (std::int64_t o = 0; o < count; ++o) scales[o] = ScaleOf(largest[o]);
}

struct Matrix {
  const float* first;
  std::int64_t step;  // from row to row
  const Scale* scales;
};

// Terms [0, depth) of up to kRows rows as integers, term by term, kRows apart.
void PackRows(const Matrix& x, std::int64_t rows, std::int64_t depth, double* packed) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const double to_units = x.scales[r].to_units;
    for (std::int64_t i = 0; i < depth; ++i) {
      packed[i * kRows + r] = RoundToUnits(double{x.first[r * x.step + i]}, to_units) - kStart;
    }
  }
}

// Terms [0, depth) of up to kColumns columns; zeros behind those.
void PackColumns(const Matrix& w, std::int64_t columns, std::int64_t depth, double* packed) {
  double to_units[kColumns] = {};
  for (std::int64_t o = 0; o < columns; ++o) to_units[o] = w.scales[o].to_units;
  for (std::int64_t i = 0; i < depth; ++i) {
    const float* const from = w.first + i * w.step;
    double* const to = packed + i * kColumns;
    if (columns == kColumns) {
      for (std::int64_t o = 0; o < kColumns; ++o) {
        to[o] = RoundToUnits(double{from[o]}, to_units[o]) - kStart;
      }
    } else {
      for (std::int64_t o = 0; o < kColumns; ++o) {
        to[o] = o < columns ? RoundToUnits(double{from[o]}, to_units[o]) - kStart : 0.0;
      }
    }
  }
}

// Exact either way, so the faster.
[[gnu::always_inline]] inline Doubles MultiplyAdd(Doubles a, Doubles b, Doubles sum) {
#if defined(__AVX2__) || defined(__aarch64__)
  return Fma(a, b, sum);
#else
  return a * b + sum;
#endif
}

// Adds the products of [0, depth) terms to a tile of sums, kColumns to a row.
template <int rows>
[[gnu::noinline]] void MultiplyTile(const double* a, const double* b, std::int64_t depth,
                                    std::uint64_t* sums) {
  const Doubles start = Doubles{} + kStart;
  for (std::int64_t first = 0; first < depth; first += kExactTerms) {
    const std::int64_t end = depth - first < kExactTerms ? depth : first + kExactTerms;
    Doubles acc[rows][2];
#pragma GCC unroll 12
    for (auto& row : acc) row[0] = row[1] = start;
    for (std::int64_t i = first; i < end; ++i) {
      Doubles b0, b1;
      __builtin_memcpy(&b0, b + i * kColumns, sizeof b0);
      __builtin_memcpy(&b1, b + i * kColumns + kDoubles, sizeof b1);
#pragma GCC unroll 12
      for (int r = 0; r < rows; ++r) {
        const Doubles own = Doubles{} + a[i * kRows + r];
        acc[r][0] = MultiplyAdd(own, b0, acc[r][0]);
        acc[r][1] = MultiplyAdd(own, b1, acc[r][1]);
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        LongWords sum, bits;
        std::uint64_t* const to = sums + r * kColumns + half * kDoubles;
        __builtin_memcpy(&sum, to, sizeof sum);
        __builtin_memcpy(&bits, &acc[r][half], sizeof bits);
        sum += bits - __builtin_bit_cast(std::uint64_t, kStart);
        __builtin_memcpy(to, &sum, sizeof sum);
      }
    }
  }
}

using Multiply = void(const double*, const double*, std::int64_t, std::uint64_t*);
#if defined(__AVX512F__)
constexpr Multiply* kMultiply[kRows] = {MultiplyTile<1>,  MultiplyTile<2>,  MultiplyTile<3>,
                                        MultiplyTile<4>,  MultiplyTile<5>,  MultiplyTile<6>,
                                        MultiplyTile<7>,  MultiplyTile<8>,  MultiplyTile<9>,
                                        MultiplyTile<10>, MultiplyTile<11>, MultiplyTile<12>};
#else
constexpr Multiply* kMultiply[kRows] = {MultiplyTile<1>, MultiplyTile<2>, MultiplyTile<3>,
                                        MultiplyTile<4>, MultiplyTile<5>, MultiplyTile<6>};
#endif

// 53 bits of the sum, the last one set if any bit behind it is (rounding to odd): rounding that to
// the nearest binary32 gives what rounding the sum would.
[[gnu::always_inline]] inline float Round(std::uint64_t bits, double unit) {
  const auto sum = static_cast<std::int64_t>(bits);
  const std::int64_t odd = (sum >> 11) | ((sum & 0x7ff) != 0);
  const bool fits = sum >= -(std::int64_t{1} << 52) && sum <= std::int64_t{1} << 52;
  return static_cast<float>(static_cast<double>(fits ? sum : odd) * (fits ? unit : unit * 2048.0));
}

// The outputs [rows] x [columns] from `y` on.
void Task(const Matrix& x, const Matrix& w, std::int64_t rows, std::int64_t columns,
          std::int64_t terms, float* y, std::int64_t y_step) {
  const auto doubles = [](ScratchSlot slot, std::int64_t count) {
    return static_cast<double*>(
        ScratchBytes(slot, static_cast<std::size_t>(count) * sizeof(double)));
  };
  const std::int64_t row_tiles = (rows + kRows - 1) / kRows;
  const std::int64_t column_tiles = (columns + kColumns - 1) / kColumns;
  const std::int64_t tile = kRows * kColumns, count = row_tiles * column_tiles * tile;
  double* const a = doubles(ScratchSlot::kRows, row_tiles * kRows * kDepth);
  double* const b = doubles(ScratchSlot::kWeights, column_tiles * kColumns * kDepth);
  auto* const sums = static_cast<std::uint64_t*>(ScratchBytes(
      ScratchSlot::kPartials, static_cast<std::size_t>(count) * sizeof(std::uint64_t)));
  std::fill_n(sums, count, 0);
  for (std::int64_t first = 0; first < terms; first += kDepth) {
    const std::int64_t depth = terms - first < kDepth ? terms - first : kDepth;
    for (std::int64_t i = 0; i < row_tiles; ++i) {
      const std::int64_t r = i * kRows;
      PackRows({x.first + r * x.step + first, x.step, x.scales + r}, std::min(rows - r, +kRows),
               depth, a + r * kDepth);
    }
    for (std::int64_t j = 0; j < column_tiles; ++j) {
      const std::int64_t o = j * kColumns;
      PackColumns({w.first + first * w.step + o, w.step, w.scales + o},
                  std::min(columns - o, +kColumns), depth, b + o * kDepth);
      for (std::int64_t i = 0; i < row_tiles; ++i) {
        kMultiply[std::min(rows - i * kRows, +kRows) - 1](a + i * kRows * kDepth, b + o * kDepth,
                                                          depth, sums + (j * row_tiles + i) * tile);
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t o = 0; o < columns; ++o) {
      const std::uint64_t sum = sums[((o / kColumns) * row_tiles + r / kRows) * tile +
                                     r % kRows * kColumns + o % kColumns];
      y[r * y_step + o] = Round(sum, x.scales[r].unit * w.scales[o].unit);
    }
  }
}

}  // namespace

void Product(const Shape& s, const Buffers& buffers, Team& team) {
  const float *x = buffers.in(0), *w = buffers.in(1);
  float* const y = buffers.out(0);
  auto* const rows = static_cast<Scale*>(
      ScratchBytes(ScratchSlot::kLeaves, static_cast<std::size_t>(s.n + s.k) * sizeof(Scale)));
  Scale* const columns = rows + s.n;
  const std::int64_t row_tasks = (s.n + kTaskRows - 1) / kTaskRows;
  const std::int64_t column_tasks = (s.k + kTaskColumns - 1) / kTaskColumns;
  team.Run(s.n + column_tasks, [&](std::int64_t line) {
    if (line < s.n) return ScaleRow(x + line * s.c, s.c, rows + line);
    const std::int64_t o = (line - s.n) * kTaskColumns;
    ScaleColumns(w + o, s.c, s.k, std::min(s.k - o, +kTaskColumns), columns + o);
  });
  team.Run(row_tasks * column_tasks, [&](std::int64_t task) {
    const std::int64_t n = task / column_tasks * kTaskRows, o = task % column_tasks * kTaskColumns;
    Task({x + n * s.c, s.c, rows + n}, {w + o, s.k, columns + o}, std::min(s.n - n, +kTaskRows),
         std::min(s.k - o, +kTaskColumns), s.c, y + n * s.k + o, s.k);
  });
}

}  // namespace samebits::exact::SAMEBITS_ISA
