// The integers as three balanced digits of a byte, multiplied by tensor cores: nine products of
// digits, summed in 32 bits by what they are worth, and put together in 64.
#include "kernels/cuda/arithmetic.h"
#include "kernels/cuda/tensor.h"
#include "kernels/exact/exact.h"

namespace samebits::exact::SAMEBITS_GPU {
namespace {

using namespace samebits::SAMEBITS_GPU;

enum : int {
  kDigits = 3,
  kWorths = 5,           // of products of two digits: 1, 2^8, ... 2^32
  kSlab = kTensorTerms,  // terms in shared memory at a time
  kPadded = kSlab + 16,  // bytes from line to line there: 8 lines meet no bank twice
  kTile = 64,            // rows and columns of a block
  kTileThreads = 256,    // 2 by 4 warps
  kWarpRows = 32,
  kWarpColumns = 16,
  kDown = kWarpRows / kTensorRows,
  kAcross = kWarpColumns / kTensorColumns,
  // Of a part, whose sums of three products of digits to a term fit into 32 bits.
  kPartTerms = 16 * 1024,
};
static_assert(std::int64_t{3} * kPartTerms * 128 * 128 < std::int64_t{1} << 31);

__device__ inline unsigned Magnitude(float x) {
  return static_cast<unsigned>(__float_as_int(x)) & 0x7fffffffU;
}

// The bits of the largest magnitude of each row.
struct LargestOfRow {
  const float* x;
  std::int64_t terms;
  unsigned* largest;
  __device__ void operator()(std::int64_t row) const {
    unsigned most = 0;
    for (std::int64_t i = RowLane(); i < terms; i += kRowLanes) {
      const unsigned magnitude = Magnitude(x[row * terms + i]);
      most = magnitude > most ? magnitude : most;
    }
    most = __reduce_max_sync(RowMask(), most);
    if (RowLane() == 0) largest[row] = most;
  }
};

// The same of each column, in parts of its terms.
struct LargestOfColumn {
  static constexpr std::int64_t kTerms = 256;  // of a part
  const float* w;
  std::int64_t terms, columns;
  unsigned* largest;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t begin = i / columns * kTerms;
    const std::int64_t end = begin + kTerms < terms ? begin + kTerms : terms;
    unsigned most = 0;
    for (std::int64_t term = begin; term < end; ++term) {
      const unsigned magnitude = Magnitude(w[term * columns + i % columns]);
      most = magnitude > most ? magnitude : most;
    }
    largest[i] = most;
  }
};

// What a line is multiplied by to count units, and its unit: a NaN where the line has no numbers.
struct Scale {
  double to_units, unit;
};

__device__ inline double PowerOfTwo(int exponent) {
  return __longlong_as_double(static_cast<long long>(exponent + 1023) << 52);
}

struct ScaleOfLine {
  const unsigned* largest;
  std::int64_t lines, parts;
  Scale* scales;
  __device__ void operator()(std::int64_t line) const {
    unsigned most = 0;
    for (std::int64_t part = 0; part < parts; ++part) {
      const unsigned magnitude = largest[part * lines + line];
      most = magnitude > most ? magnitude : most;
    }
    if (most >= 0x7f800000U) {
      scales[line] = {0.0, __longlong_as_double(0x7ff8000000000000)};
    } else if (most == 0) {
      scales[line] = {1.0, 1.0};
    } else {
      const double m = static_cast<double>(__int_as_float(static_cast<int>(most)));
      int unit = static_cast<int>(__double_as_longlong(m) >> 52) - 1023 - 22;
      if (__double2int_rn(m * PowerOfTwo(-unit)) > kLargest) ++unit;
      scales[line] = {PowerOfTwo(-unit), PowerOfTwo(unit)};
    }
  }
};

// Where the digits of all lines lie: one digit after the other, terms together, zeros behind the
// terms and lines there are.
struct Digits {
  signed char* first;
  std::int64_t lines, terms;  // multiples of kTile and kSlab

  __device__ signed char* At(int digit, std::int64_t line, std::int64_t term) const {
    return first + (digit * lines + line) * terms + term;
  }
};

// Four terms of a line, so that they are a word of each digit.
struct PutDigits {
  const float* values;
  std::int64_t lines, terms, line_step, term_step;
  const Scale* scales;
  Digits digits;

  __device__ void operator()(std::int64_t i) const {
    const std::int64_t words = digits.terms / 4;
    // So that neighbours read neighbours.
    const bool terms_lie_together = term_step == 1;
    const std::int64_t line = terms_lie_together ? i / words : i % digits.lines;
    const std::int64_t term = (terms_lie_together ? i % words : i / digits.lines) * 4;
    unsigned word[kDigits] = {};
    for (int j = 0; j < 4; ++j) {
      int rest = 0;
      if (line < lines && term + j < terms) {
        const float x = values[line * line_step + (term + j) * term_step];
        rest = __double2int_rn(static_cast<double>(x) * scales[line].to_units);
      }
#pragma unroll
      for (int digit = 0; digit < kDigits; ++digit) {
        const auto low = static_cast<signed char>(rest);
        rest = (rest - low) >> 8;
        word[digit] |= static_cast<unsigned>(static_cast<unsigned char>(low)) << (8 * j);
      }
    }
#pragma unroll
    for (int digit = 0; digit < kDigits; ++digit) {
      *reinterpret_cast<unsigned*>(digits.At(digit, line, term)) = word[digit];
    }
  }
};

struct alignas(16) Words {
  unsigned word[4];
};

// A slab of a tile's rows or columns.
using Slab = signed char[kDigits][kTile][kPadded];
struct Memory {
  alignas(16) Slab a[2];
  alignas(16) Slab b[2];
};

// What a thread fetches of one slab.
struct Fetched {
  static constexpr int kWords = kSlab / static_cast<int>(sizeof(Words));  // to a line
  static constexpr int kEach = kDigits * kTile * kWords * 2 / kTileThreads;
  Words words[kEach];

  struct Piece {
    int digit, line, byte;
  };
  __device__ static Piece PieceOf(int index) {
    return {index / (kTile * kWords), index / kWords % kTile,
            index % kWords * static_cast<int>(sizeof(Words))};
  }

  __device__ void Fetch(const Digits& a, const Digits& b, std::int64_t row, std::int64_t column,
                        std::int64_t term) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kTileThreads;
      const bool of_a = index < kDigits * kTile * kWords;
      const Piece p = PieceOf(of_a ? index : index - kDigits * kTile * kWords);
      const signed char* const from = of_a ? a.At(p.digit, row + p.line, term + p.byte)
                                           : b.At(p.digit, column + p.line, term + p.byte);
      words[i] = *reinterpret_cast<const Words*>(from);
    }
  }

  __device__ void Put(Slab& a, Slab& b) const {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kTileThreads;
      const bool of_a = index < kDigits * kTile * kWords;
      const Piece p = PieceOf(of_a ? index : index - kDigits * kTile * kWords);
      *reinterpret_cast<Words*>((of_a ? a : b)[p.digit][p.line] + p.byte) = words[i];
    }
  }
};

// What a lane holds of its warp's factors.
struct Own {
  unsigned a[kDigits][kDown][4];
  unsigned b[kDigits][kAcross][2];
};

struct Sums {
  int by_worth[kWorths][kDown][kAcross][4];
};

__device__ inline unsigned WordAt(const Slab& slab, int digit, int line, int byte) {
  return *reinterpret_cast<const unsigned*>(slab[digit][line] + byte);
}

__device__ inline void MultiplySlab(const Slab& a, const Slab& b, int row, int column, Sums& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, byte = lane % 4 * 4;
  Own own;
#pragma unroll
  for (int digit = 0; digit < kDigits; ++digit) {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        own.a[digit][i][part] =
            WordAt(a, digit, row + i * kTensorRows + g + part % 2 * 8, byte + part / 2 * 16);
      }
    }
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
#pragma unroll
      for (int part = 0; part < 2; ++part) {
        own.b[digit][j][part] = WordAt(b, digit, column + j * kTensorColumns + g, byte + part * 16);
      }
    }
  }
  const TensorFactors<Own> factors(own);
#pragma unroll
  for (int of_a = 0; of_a < kDigits; ++of_a) {
#pragma unroll
    for (int of_b = 0; of_b < kDigits; ++of_b) {
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          factors.MultiplyAdd(
              [=](const Own& o) -> const auto& { return o.a[of_a][i]; },
              [=](const Own& o) -> const auto& { return o.b[of_b][j]; },
              sums.by_worth[of_a + of_b][i][j]);
        }
      }
    }
  }
}

// y from the whole sum. 52 bits of it, the last one set if any bit behind it is (rounding to odd):
// rounding that to the nearest binary32 gives what rounding the sum would.
struct Finish {
  const Scale *rows, *columns;
  std::int64_t count_of_columns;
  float* y;
  __device__ void operator()(std::int64_t row, std::int64_t column, long long sum) const {
    constexpr long long kExact = 1LL << 52;
    double unit = rows[row].unit * columns[column].unit;
    if (sum < -kExact || sum > kExact) {
      sum = (sum >> 11) | ((sum & 0x7ff) != 0 ? 1 : 0);
      unit = unit * 2048.0;
    }
    y[row * count_of_columns + column] = static_cast<float>(static_cast<double>(sum) * unit);
  }
};

// `parts`: null where there is one part.
__global__ void __launch_bounds__(kTileThreads)
    MultiplyTiles(Digits a, Digits b, std::int64_t rows, std::int64_t columns, long long* parts,
                  Finish finish) {
  auto& memory = Shared<Memory>();
  const std::int64_t row_tiles = a.lines / kTile;
  const std::int64_t part = blockIdx.x / row_tiles, first_row = blockIdx.x % row_tiles * kTile;
  const std::int64_t first_column = std::int64_t{blockIdx.y} * kTile;
  const std::int64_t begin = part * kPartTerms;
  const std::int64_t end = begin + kPartTerms < a.terms ? begin + kPartTerms : a.terms;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / 4 * kWarpRows, column = warp % 4 * kWarpColumns;
  const bool has_outputs = first_row + row < rows && first_column + column < columns;

  Sums sums;
#pragma unroll
  for (auto& worth : sums.by_worth) {
#pragma unroll
    for (int i = 0; i < kDown * kAcross * 4; ++i)
      worth[i / 4 / kAcross][i / 4 % kAcross][i % 4] = 0;
  }
  Fetched fetched;
  fetched.Fetch(a, b, first_row, first_column, begin);
  fetched.Put(memory.a[0], memory.b[0]);
  __syncthreads();
  int buffer = 0;
  for (std::int64_t term = begin; term < end; term += kSlab, buffer ^= 1) {
    const bool more = term + kSlab < end;
    if (more) fetched.Fetch(a, b, first_row, first_column, term + kSlab);
    if (has_outputs) MultiplySlab(memory.a[buffer], memory.b[buffer], row, column, sums);
    if (!more) break;
    fetched.Put(memory.a[buffer ^ 1], memory.b[buffer ^ 1]);
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kDown; ++i) {
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
#pragma unroll
      for (int part_of = 0; part_of < 4; ++part_of) {
        const std::int64_t r = first_row + row + i * kTensorRows + lane / 4 + part_of / 2 * 8;
        const std::int64_t o =
            first_column + column + j * kTensorColumns + lane % 4 * 2 + part_of % 2;
        if (r >= rows || o >= columns) continue;
        long long sum = 0;
#pragma unroll
        for (int worth = kWorths - 1; worth >= 0; --worth) {
          sum = sum * 256 + sums.by_worth[worth][i][j][part_of];
        }
        if (parts == nullptr) {
          finish(r, o, sum);
        } else {
          parts[(part * rows + r) * columns + o] = sum;
        }
      }
    }
  }
}

struct AddParts {
  const long long* sums;
  std::int64_t count, parts;
  Finish finish;
  __device__ void operator()(std::int64_t i) const {
    long long sum = 0;
    for (std::int64_t part = 0; part < parts; ++part) sum += sums[part * count + i];
    finish(i / finish.count_of_columns, i % finish.count_of_columns, sum);
  }
};

std::int64_t UpTo(std::int64_t count, std::int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

template <class T>
T* Room(DeviceStream& stream, std::int64_t count) {
  return static_cast<T*>(stream.ScratchBytes(static_cast<std::size_t>(count) * sizeof(T)));
}

Digits DigitsOf(DeviceStream& stream, const float* values, std::int64_t lines, std::int64_t terms,
                std::int64_t line_step, std::int64_t term_step, const Scale* scales) {
  Digits digits{nullptr, UpTo(lines, kTile), UpTo(terms, kSlab)};
  digits.first = Room<signed char>(stream, kDigits * digits.lines * digits.terms);
  ForEach(stream, digits.lines * (digits.terms / 4),
          PutDigits{values, lines, terms, line_step, term_step, scales, digits});
  return digits;
}

}  // namespace

void Product(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const float *x = buffers.in(0), *w = buffers.in(1);
  auto* const row_scales = Room<Scale>(stream, s.n);
  auto* const column_scales = Room<Scale>(stream, s.k);
  auto* const largest_rows = Room<unsigned>(stream, s.n);
  ForEachRow(stream, s.n, LargestOfRow{x, s.c, largest_rows});
  ForEach(stream, s.n, ScaleOfLine{largest_rows, s.n, 1, row_scales});
  const std::int64_t parts_of_column = UpTo(s.c, LargestOfColumn::kTerms) / LargestOfColumn::kTerms;
  auto* const largest_columns = Room<unsigned>(stream, parts_of_column * s.k);
  ForEach(stream, parts_of_column * s.k, LargestOfColumn{w, s.c, s.k, largest_columns});
  ForEach(stream, s.k, ScaleOfLine{largest_columns, s.k, parts_of_column, column_scales});

  const Digits a = DigitsOf(stream, x, s.n, s.c, s.c, 1, row_scales);
  const Digits b = DigitsOf(stream, w, s.k, s.c, 1, s.k, column_scales);
  const std::int64_t parts = UpTo(a.terms, kPartTerms) / kPartTerms;
  auto* const sums = parts == 1 ? nullptr : Room<long long>(stream, parts * s.n * s.k);
  const Finish finish{row_scales, column_scales, s.k, buffers.out(0)};
  Launch(stream,
         {static_cast<unsigned>(a.lines / kTile * parts), static_cast<unsigned>(b.lines / kTile)},
         kTileThreads, MultiplyTiles, a, b, s.n, s.k, sums, finish);
  if (sums != nullptr) ForEach(stream, s.n * s.k, AddParts{sums, s.n * s.k, parts, finish});
}

}  // namespace samebits::exact::SAMEBITS_GPU
