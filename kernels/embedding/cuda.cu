// Embedding. Its gradient: a warp a row and leaf looks through the leaf's ids and adds where they
// are the row's, a lane a channel, in the order of the positions and without atomics.
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

__global__ void __launch_bounds__(32)
    SumRows(Shape s, const std::int32_t* ids, const float* dy, float* sums) {
  const int lane = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x % s.rows, leaf = blockIdx.x / s.rows;
  const std::int64_t begin = gpu::LeafBegin(leaf, s.n, s.leaves) * s.l;
  const std::int64_t end = gpu::LeafBegin(leaf + 1, s.n, s.leaves) * s.l;
  for (std::int64_t first = 0; first < s.c; first += 32) {
    const std::int64_t channel = first + lane;
    gpu::Dot sum;
    for (std::int64_t block = begin; block < end; block += 32) {
      const std::int64_t position = block + lane;
      unsigned matches = __ballot_sync(~0U, position < end && ids[position] == row ? 1 : 0);
      for (; matches != 0; matches &= matches - 1) {
        const std::int64_t match = block + __ffs(static_cast<int>(matches)) - 1;
        if (channel < s.c) sum.Add(dy[match * s.c + channel]);
      }
    }
    if (channel < s.c) sums[(leaf * s.rows + row) * s.c + channel] = sum.Result();
  }
}

struct FinishRow {
  float* dtable;
  __device__ std::int64_t chains_of(int) const { return 1; }
  __device__ void operator()(std::int64_t i, float sum) const { dtable[i] = sum; }
};

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
  float* const sums = stream.Scratch(s.leaves * s.rows * s.c);
  gpu::Launch(stream, {static_cast<unsigned>(s.leaves * s.rows)}, 32, SumRows, s,
              buffers.in<std::int32_t>(0), buffers.in(1), sums);
  gpu::CombineParts(stream, gpu::PartSums{sums, s.rows * s.c, static_cast<int>(s.leaves), 1, 1},
                    FinishRow{buffers.out(0)});
}

}  // namespace samebits::embedding::SAMEBITS_GPU
