// Softmax, half a warp a sample: its lanes are those of the row sum.
#include "kernels/cuda/arithmetic.h"
#include "kernels/cuda/math.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

// The greater, or a NaN.
__device__ inline float Larger(float a, float b) { return b > a || (b != b && a == a) ? b : a; }

__device__ inline float LargestOf(const float* x, std::int64_t c) {
  float m = x[0];
  for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) m = Larger(m, x[i]);
#pragma unroll
  for (int lanes = 1; lanes < gpu::kRowLanes; lanes *= 2) {
    m = Larger(m, __shfl_xor_sync(gpu::RowMask(), m, lanes));
  }
  return m;
}

struct At {
  const float* values;
  __device__ float operator()(std::int64_t i) const { return values[i]; }
};

struct ProductAt {
  const float *a, *b;
  __device__ float operator()(std::int64_t i) const { return a[i] * b[i]; }
};

struct ForwardRow {
  std::int64_t c;
  const float* x;
  float* y;
  const std::int32_t* labels;  // null: no loss
  float* losses;

  __device__ void operator()(std::int64_t n) const {
    const float* const from = x + n * c;
    float* const to = y + n * c;
    const float m = LargestOf(from, c);
    // Every lane adds the elements that it wrote itself.
    for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) to[i] = gpu::Exp(from[i] - m);
    const float sum = gpu::RowSum(c, At{to});
    for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) to[i] = to[i] / sum;
    if (labels != nullptr && gpu::RowLane() == 0) {
      losses[n] = gpu::Log(sum) - (from[labels[n]] - m);
    }
  }
};

struct BackwardRow {
  std::int64_t c;
  const float *y, *dy;
  float* dx;

  __device__ void operator()(std::int64_t n) const {
    const float *const own_y = y + n * c, *const own_dy = dy + n * c;
    const float sum = gpu::RowSum(c, ProductAt{own_dy, own_y});
    for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) {
      dx[n * c + i] = own_y[i] * (own_dy[i] - sum);
    }
  }
};

struct CrossEntropyGradient {
  std::int64_t c;
  const float* y;
  const std::int32_t* labels;
  float samples;
  float* dx;

  __device__ void operator()(std::int64_t i) const {
    dx[i] = (y[i] - (i % c == labels[i / c] ? 1.0f : 0.0f)) / samples;
  }
};

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEachRow(stream, s.n, ForwardRow{s.c, buffers.in(0), buffers.out(0), nullptr, nullptr});
}

void Backward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEachRow(stream, s.n, BackwardRow{s.c, buffers.in(0), buffers.in(1), buffers.out(0)});
}

void CrossEntropyForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  float* const losses = stream.Scratch(s.n);
  gpu::ForEachRow(
      stream, s.n,
      ForwardRow{s.c, buffers.in(0), buffers.out(1), buffers.in<std::int32_t>(1), losses});
  gpu::MeanOverBatch(stream, losses, s.n, s.leaves, s.is_part ? 1.0f : s.batch, buffers.out(0));
}

void CrossEntropyBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n * s.c,
               CrossEntropyGradient{s.c, buffers.in(0), buffers.in<std::int32_t>(1), s.batch,
                                    buffers.out(0)});
}

}  // namespace samebits::softmax::SAMEBITS_GPU
