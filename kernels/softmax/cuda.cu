// Softmax, half a warp a sample: its lanes are those of the row sum. A row of up to 1,024 elements
// stays in registers.
#include "kernels/cuda/math.h"
#include "kernels/cuda/vector.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

// The greater, or a NaN.
__device__ inline float Larger(float a, float b) { return b > a || (b != b && a == a) ? b : a; }

__device__ inline float LargestOfLanes(float m) {
#pragma unroll
  for (int lanes = 1; lanes < gpu::kRowLanes; lanes *= 2) {
    m = Larger(m, __shfl_xor_sync(gpu::RowMask(), m, lanes));
  }
  return m;
}

// A lane's elements of a row, kEach at most.
template <int kEach>
struct InRegisters {
  float own[kEach] = {};

  template <class Use>  // void operator()(std::int64_t i, float& element)
  __device__ void ForEach(std::int64_t c, const Use& use) {
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const int i = j * gpu::kRowLanes + gpu::RowLane();
      if (i < c) use(i, own[j]);
    }
  }
  // The row sum of element(x) for the elements x, of which a row has no more than a partial sum.
  __device__ float Sum(std::int64_t c) {
    static_assert(kEach * gpu::kRowLanes <= gpu::kPartialElements);
    float lane = 0.0f;
    ForEach(c, [&](std::int64_t, float x) { lane = __fadd_rn(lane, x); });
    return gpu::TreeOverLanes(lane);
  }
};

struct At {
  const float* values;
  __device__ float operator()(std::int64_t i) const { return values[i]; }
};

struct ProductAt {
  const float *a, *b;
  __device__ float operator()(std::int64_t i) const { return __fmul_rn(a[i], b[i]); }
};

// kEach: 0 for rows of any length.
template <int kEach>
struct ForwardRow {
  std::int64_t c;
  const float* x;
  float* y;
  const std::int32_t* labels;  // null: no loss
  float* losses;

  __device__ void operator()(std::int64_t n) const {
    const float* const from = x + n * c;
    float* const to = y + n * c;
    float m = from[0], sum;
    if constexpr (kEach > 0) {
      InRegisters<kEach> row;
      row.ForEach(c, [&](std::int64_t i, float& element) { element = from[i]; });
      row.ForEach(c, [&](std::int64_t, float element) { m = Larger(m, element); });
      m = LargestOfLanes(m);
      row.ForEach(c,
                  [&](std::int64_t, float& element) { element = gpu::Exp(__fsub_rn(element, m)); });
      sum = row.Sum(c);
      row.ForEach(c, [&](std::int64_t i, float element) { to[i] = element / sum; });
    } else {
      for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) m = Larger(m, from[i]);
      m = LargestOfLanes(m);
      // Every lane adds the elements that it wrote itself.
      for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) {
        to[i] = gpu::Exp(__fsub_rn(from[i], m));
      }
      sum = gpu::RowSum(c, At{to});
      for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) to[i] = to[i] / sum;
    }
    if (labels != nullptr && gpu::RowLane() == 0) {
      losses[n] = __fsub_rn(gpu::Log(sum), __fsub_rn(from[labels[n]], m));
    }
  }
};

template <int kEach>
struct BackwardRow {
  std::int64_t c;
  const float *y, *dy;
  float* dx;

  __device__ void operator()(std::int64_t n) const {
    const float *const own_y = y + n * c, *const own_dy = dy + n * c;
    float* const own_dx = dx + n * c;
    if constexpr (kEach > 0) {
      InRegisters<kEach> values, gradients, products;
      values.ForEach(c, [&](std::int64_t i, float& element) { element = own_y[i]; });
      gradients.ForEach(c, [&](std::int64_t i, float& element) { element = own_dy[i]; });
#pragma unroll
      for (int j = 0; j < kEach; ++j) products.own[j] = __fmul_rn(gradients.own[j], values.own[j]);
      const float sum = products.Sum(c);
#pragma unroll
      for (int j = 0; j < kEach; ++j) {
        values.own[j] = __fmul_rn(values.own[j], __fsub_rn(gradients.own[j], sum));
      }
      values.ForEach(c, [&](std::int64_t i, float element) { own_dx[i] = element; });
    } else {
      const float sum = gpu::RowSum(c, ProductAt{own_dy, own_y});
      for (std::int64_t i = gpu::RowLane(); i < c; i += gpu::kRowLanes) {
        own_dx[i] = __fmul_rn(own_y[i], __fsub_rn(own_dy[i], sum));
      }
    }
  }
};

// RowOf<kEach> with the registers that rows of c elements take.
template <template <int> class RowOf, class... Members>
void ForEachRow(DeviceStream& stream, std::int64_t rows, std::int64_t c,
                const Members&... members) {
  if (c <= 16) return gpu::ForEachRow(stream, rows, RowOf<1>{c, members...});
  if (c <= 128) return gpu::ForEachRow(stream, rows, RowOf<8>{c, members...});
  if (c <= 512) return gpu::ForEachRow(stream, rows, RowOf<32>{c, members...});
  if (c <= 1024) return gpu::ForEachRow(stream, rows, RowOf<64>{c, members...});
  gpu::ForEachRow(stream, rows, RowOf<0>{c, members...});
}

struct CrossEntropyGradient {
  gpu::Divisor by_c;
  const float* y;
  const std::int32_t* labels;
  float samples;
  float* dx;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    auto vector = gpu::Load<kWords>(y + i);
    for (int j = 0; j < kWords; ++j) {
      unsigned channel;
      const unsigned n = by_c.Divide(static_cast<unsigned>(i + j), &channel);
      const bool is_label = static_cast<int>(channel) == labels[n];
      vector.word[j] = __fsub_rn(vector.word[j], is_label ? 1.0f : 0.0f) / samples;
    }
    gpu::Store(dx + i, vector);
  }
};

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const std::int32_t* const no_labels = nullptr;
  float* const no_losses = nullptr;
  ForEachRow<ForwardRow>(stream, s.n, s.c, buffers.in(0), buffers.out(0), no_labels, no_losses);
}

void Backward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  ForEachRow<BackwardRow>(stream, s.n, s.c, buffers.in(0), buffers.in(1), buffers.out(0));
}

void CrossEntropyForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  float* const losses = stream.Scratch(s.n);
  ForEachRow<ForwardRow>(stream, s.n, s.c, buffers.in(0), buffers.out(1),
                         buffers.in<std::int32_t>(1), losses);
  gpu::MeanOverBatch(stream, losses, s.n, s.leaves, s.is_part ? 1.0f : s.batch, buffers.out(0));
}

void CrossEntropyBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  CheckIndex(s.n * s.c);
  const CrossEntropyGradient gradient{gpu::Divisor(s.c), buffers.in(0), buffers.in<std::int32_t>(1),
                                      s.batch, buffers.out(0)};
  gpu::ForEachVector(stream, s.n * s.c, gpu::AreAligned(gradient.y, gradient.dx), gradient);
}

}  // namespace samebits::softmax::SAMEBITS_GPU
