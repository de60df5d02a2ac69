// Embedding. Its gradient sorts the positions of each leaf by their rows, which leaves those of a
// row in order; then a block adds the positions of one row, a warp a leaf, without atomics.
#include "kernels/cuda/vector.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct Gather {
  std::int64_t c;
  gpu::Divisor by_c;
  const float* table;
  const std::int32_t* ids;
  float* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    unsigned channel;
    const unsigned position = by_c.Divide(static_cast<unsigned>(i), &channel);
    gpu::Store(y + i, gpu::Load<kWords>(table + (ids[position] * c + channel)));
  }
};

// Positions sorted by row: a block sorts those of one leaf, a digit of the rows at a time. Each
// thread counts, and then moves, positions that follow one another, so that equal ones stay in
// order.
constexpr int kSortThreads = 256, kDigitBits = 4, kDigits = 1 << kDigitBits;

struct SortMemory {
  int counts[kDigits * kSortThreads];  // digit by digit, of each thread
  int sums[kSortThreads];
};

struct Sorting {
  const std::int32_t* ids;
  std::int64_t n, l, leaves;  // of Shape
  int digits;                 // of a row, 1 at least
  int *order, *other;         // a position each; sorted in `order`
};

// Of all counts those before each.
__device__ inline void SumCountsBefore(SortMemory& memory) {
  const int thread = static_cast<int>(threadIdx.x);
  int* const own = memory.counts + thread * kDigits;
  int sum = 0;
  for (int i = 0; i < kDigits; ++i) sum += own[i];
  memory.sums[thread] = sum;
  __syncthreads();
  for (int step = 1; step < kSortThreads; step *= 2) {
    const int before = thread >= step ? memory.sums[thread - step] : 0;
    __syncthreads();
    memory.sums[thread] += before;
    __syncthreads();
  }
  int before = memory.sums[thread] - sum;
  for (int i = 0; i < kDigits; ++i) {
    const int count = own[i];
    own[i] = before;
    before += count;
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kSortThreads) SortLeaf(Sorting s) {
  auto& memory = gpu::Shared<SortMemory>();
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t begin = gpu::LeafBegin(blockIdx.x, s.n, s.leaves) * s.l;
  const std::int64_t count = gpu::LeafBegin(blockIdx.x + 1, s.n, s.leaves) * s.l - begin;
  const std::int64_t first = count * thread / kSortThreads;
  const std::int64_t end = count * (thread + 1) / kSortThreads;
  for (int digit = 0; digit < s.digits; ++digit) {
    const bool ends_in_order = (s.digits - digit) % 2 == 1;
    const int* const from = (ends_in_order ? s.other : s.order) + begin;
    int* const to = (ends_in_order ? s.order : s.other) + begin;
    const auto position = [&](std::int64_t i) {
      return digit == 0 ? static_cast<int>(begin + i) : from[i];
    };
    const auto counter = [&](int at) {
      return (s.ids[at] >> (digit * kDigitBits) & (kDigits - 1)) * kSortThreads + thread;
    };
    for (int i = 0; i < kDigits; ++i) memory.counts[i * kSortThreads + thread] = 0;
    for (std::int64_t i = first; i < end; ++i) ++memory.counts[counter(position(i))];
    __syncthreads();
    SumCountsBefore(memory);
    for (std::int64_t i = first; i < end; ++i) {
      const int at = position(i);
      to[memory.counts[counter(at)]++] = at;
    }
    __syncthreads();
  }
}

// The first sorted position of each row in each leaf, and where the last row's end.
struct FindStart {
  Sorting s;
  std::int64_t rows;
  int* starts;  // [leaf, rows + 1]
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t leaf = i / (rows + 1), row = i % (rows + 1);
    std::int64_t low = gpu::LeafBegin(leaf, s.n, s.leaves) * s.l;
    std::int64_t high = gpu::LeafBegin(leaf + 1, s.n, s.leaves) * s.l;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      if (s.ids[s.order[middle]] < row) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    starts[i] = static_cast<int>(low);
  }
};

// Threads of a block: a warp a leaf, kLeavesAtOnce at a time, a lane kWords channels.
constexpr int kLanes = 32, kLeavesAtOnce = 8;

template <int kWords>
struct RowMemory {
  gpu::Vector<kWords> of_leaf[kLeavesAtOnce][kLanes];
};

template <int kWords>
__device__ gpu::Vector<kWords> SumPositions(const int* position, const int* end, std::int64_t c,
                                            const float* dy) {
  constexpr int kAhead = 8;  // loads that are under way before their values are added
  gpu::Dot sums[kWords];
  const auto add = [&](const gpu::Vector<kWords>& values) {
#pragma unroll
    for (int word = 0; word < kWords; ++word) sums[word].Add(values.word[word]);
  };
  for (; position + kAhead <= end; position += kAhead) {
    gpu::Vector<kWords> values[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) values[i] = gpu::Load<kWords>(dy + position[i] * c);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) add(values[i]);
  }
  for (; position < end; ++position) add(gpu::Load<kWords>(dy + *position * c));
  gpu::Vector<kWords> results;
#pragma unroll
  for (int word = 0; word < kWords; ++word) results.word[word] = sums[word].Result();
  return results;
}

// The row, and which of its channels, by blockIdx.x.
template <int kWords>
__global__ void __launch_bounds__(kLanes* kLeavesAtOnce)
    SumRows(Shape s, const int* order, const int* starts, const float* dy, float* dtable) {
  auto& of_leaf = gpu::Shared<RowMemory<kWords>>().of_leaf;
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  const int own = static_cast<int>(threadIdx.x / kLanes);
  const auto blocks_of_row = static_cast<unsigned>((s.c + kLanes * kWords - 1) / (kLanes * kWords));
  const std::int64_t row = blockIdx.x / blocks_of_row;
  const std::int64_t channel = (std::int64_t{blockIdx.x % blocks_of_row} * kLanes + lane) * kWords;
  gpu::Fold over_leaves[kWords];
  for (int first = 0; first < s.leaves; first += kLeavesAtOnce) {
    const int leaf = first + own;
    if (leaf < s.leaves && channel < s.c) {
      const int* const start = starts + leaf * (s.rows + 1) + row;
      of_leaf[own][lane] =
          SumPositions<kWords>(order + start[0], order + start[1], s.c, dy + channel);
    }
    __syncthreads();
    if (own == 0 && channel < s.c) {
      for (int j = 0; j < kLeavesAtOnce && first + j < s.leaves; ++j) {
#pragma unroll
        for (int word = 0; word < kWords; ++word) {
          over_leaves[word].Add(of_leaf[j][lane].word[word]);
        }
      }
    }
    __syncthreads();
  }
  if (own != 0 || channel >= s.c) return;
  gpu::Vector<kWords> results;
#pragma unroll
  for (int word = 0; word < kWords; ++word) results.word[word] = over_leaves[word].Result();
  gpu::Store(dtable + row * s.c + channel, results);
}

template <int kWords>
void SumAllRows(const Shape& s, const Sorting& sorting, const int* starts, const Buffers& buffers,
                DeviceStream& stream) {
  const std::int64_t blocks_of_row = (s.c + kLanes * kWords - 1) / (kLanes * kWords);
  CheckIndex(s.rows * blocks_of_row);
  gpu::Launch(stream, {static_cast<unsigned>(s.rows * blocks_of_row)}, kLanes * kLeavesAtOnce,
              SumRows<kWords>, s, sorting.order, starts, buffers.in(1), buffers.out(0));
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const std::int64_t count = s.n * s.l * s.c;
  CheckIndex(count);
  const Gather gather{s.c, gpu::Divisor(s.c), buffers.in(0), buffers.in<std::int32_t>(1),
                      buffers.out(0)};
  const bool wide = s.c % 4 == 0 && gpu::AreAligned(gather.table, gather.y);
  gpu::ForEachVector(stream, count, wide, gather);
}

void Backward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const std::int64_t positions = s.n * s.l, starts_count = s.leaves * (s.rows + 1);
  CheckIndex(positions);
  CheckIndex(starts_count);
  const auto ints = [&](std::int64_t count) {
    return static_cast<int*>(stream.ScratchBytes(static_cast<std::size_t>(count) * sizeof(int)));
  };
  int digits = 1;
  while (std::int64_t{1} << (digits * kDigitBits) < s.rows) ++digits;
  const Sorting sorting{
      buffers.in<std::int32_t>(0), s.n, s.l, s.leaves, digits, ints(positions), ints(positions)};
  int* const starts = ints(starts_count);
  gpu::Launch(stream, {static_cast<unsigned>(s.leaves)}, kSortThreads, SortLeaf, sorting);
  gpu::ForEach(stream, starts_count, FindStart{sorting, s.rows, starts});
  if (s.c % 4 == 0 && gpu::AreAligned(buffers.in(1), buffers.out(0))) {
    SumAllRows<4>(s, sorting, starts, buffers, stream);
  } else {
    SumAllRows<1>(s, sorting, starts, buffers, stream);
  }
}

}  // namespace samebits::embedding::SAMEBITS_GPU
