// Adam, a thread a weight. The step's size is computed once, on the device: a captured step of
// training must not hold it.
#include "kernels/adam/adam.h"
#include "kernels/cuda/arithmetic.h"
#include "kernels/cuda/math.h"

namespace samebits::adam::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct StepSize {
  const std::int64_t* step;
  float* alpha;
  __device__ void operator()(std::int64_t) const {
    const float numerator = kRate * __fsqrt_rn(1.0f - gpu::PowerOfBeta(kBeta2, *step));
    *alpha = numerator / (1.0f - gpu::PowerOfBeta(kBeta1, *step));
  }
};

struct UpdateElement {
  const float *w, *m, *v, *g, *alpha;
  float *new_w, *new_m, *new_v;
  __device__ void operator()(std::int64_t i) const {
    const float next_m = m[i] + (g[i] - m[i]) * kGain1;
    const float next_v = v[i] + (g[i] * g[i] - v[i]) * kGain2;
    new_w[i] = w[i] - (next_m * *alpha) / (__fsqrt_rn(next_v) + kEpsilon);
    new_m[i] = next_m;
    new_v[i] = next_v;
  }
};

}  // namespace

void Update(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  float* const alpha = stream.Scratch(1);
  gpu::ForEach(stream, 1, StepSize{buffers.in<std::int64_t>(4), alpha});
  gpu::ForEach(stream, c.Get("n"),
               UpdateElement{buffers.in(0), buffers.in(1), buffers.in(2), buffers.in(3), alpha,
                             buffers.out(0), buffers.out(1), buffers.out(2)});
}

}  // namespace samebits::adam::SAMEBITS_GPU
