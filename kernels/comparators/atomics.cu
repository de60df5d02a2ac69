// Gradients as they are often written: threads add to one place by atomics, in the order in which
// they get there. Their bits move from run to run; what they cost less is what determinism costs.
#include "kernels/conv2d/conv2d.h"
#include "kernels/cuda/arithmetic.h"
#include "kernels/embedding/embedding.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::comparators::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct SetToZero {
  float* values;
  __device__ void operator()(std::int64_t i) const { values[i] = 0.0f; }
};

// A thread adds the terms of one sample to a weight.
struct AddWeightGradient {
  conv2d::Shape s;
  const float *x, *dy;
  float* dw;

  __device__ void operator()(std::int64_t i) const {
    const std::int64_t weights = s.r * s.s * s.c * s.k, n = i / weights, weight = i % weights;
    const std::int64_t oc = weight % s.k, ic = weight / s.k % s.c;
    const std::int64_t kw = weight / s.k / s.c % s.s, kh = weight / s.k / s.c / s.s;
    float sum = 0.0f;
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      if (ih < 0 || ih >= s.h) continue;
      for (std::int64_t ow = 0; ow < s.ow; ++ow) {
        const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
        if (iw < 0 || iw >= s.w) continue;
        sum = __fmaf_rn(x[((n * s.h + ih) * s.w + iw) * s.c + ic],
                        dy[((n * s.oh + oh) * s.ow + ow) * s.k + oc], sum);
      }
    }
    atomicAdd(dw + weight, sum);
  }
};

// A thread adds the gradient of one window.
struct AddToMaximum {
  pool2d::Shape s;
  const float *x, *dy;
  float* dx;

  __device__ void operator()(std::int64_t i) const {
    const std::int64_t c = i % s.c, ow = i / s.c % s.ow, oh = i / s.c / s.ow % s.oh;
    const std::int64_t n = i / s.c / s.ow / s.oh;
    std::int64_t place = -1;
    for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
      const std::int64_t ih = oh * s.stride - s.pad + tap / s.s;
      const std::int64_t iw = ow * s.stride - s.pad + tap % s.s;
      if (ih < 0 || ih >= s.h || iw < 0 || iw >= s.w) continue;
      const std::int64_t at = ((n * s.h + ih) * s.w + iw) * s.c + c;
      const bool replaces =
          place < 0 || x[at] > x[place] || (x[at] != x[at] && x[place] == x[place]);
      if (replaces) place = at;
    }
    atomicAdd(dx + place, dy[i]);
  }
};

// A thread adds one channel of one position.
struct AddToRow {
  std::int64_t c;
  const std::int32_t* ids;
  const float* dy;
  float* dtable;

  __device__ void operator()(std::int64_t i) const {
    atomicAdd(dtable + ids[i / c] * c + i % c, dy[i]);
  }
};

}  // namespace

void Conv2dWeightGradient(const conv2d::Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const std::int64_t weights = s.r * s.s * s.c * s.k;
  gpu::ForEach(stream, weights, SetToZero{buffers.out(0)});
  gpu::ForEach(stream, s.n * weights,
               AddWeightGradient{s, buffers.in(0), buffers.in(1), buffers.out(0)});
}

void MaxPoolBackward(const pool2d::Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n * s.h * s.w * s.c, SetToZero{buffers.out(0)});
  gpu::ForEach(stream, s.n * s.oh * s.ow * s.c,
               AddToMaximum{s, buffers.in(0), buffers.in(1), buffers.out(0)});
}

void EmbeddingBackward(const embedding::Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.rows * s.c, SetToZero{buffers.out(0)});
  gpu::ForEach(stream, s.n * s.l * s.c,
               AddToRow{s.c, buffers.in<std::int32_t>(0), buffers.in(1), buffers.out(0)});
}

}  // namespace samebits::comparators::SAMEBITS_GPU
