// Adam. The step's size is computed once, on the device: a captured step of training must not hold
// it.
#include "kernels/adam/adam.h"
#include "kernels/cuda/math.h"
#include "kernels/cuda/vector.h"

namespace samebits::adam::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct StepSize {
  const std::int64_t* step;
  float* alpha;
  __device__ void operator()(std::int64_t) const {
    const float variance = __fsub_rn(1.0f, gpu::PowerOfBeta(kBeta2, *step));
    const float numerator = __fmul_rn(kRate, __fsqrt_rn(variance));
    *alpha = numerator / __fsub_rn(1.0f, gpu::PowerOfBeta(kBeta1, *step));
  }
};

struct UpdateWeights {
  const float *w, *m, *v, *g, *alpha;
  float *new_w, *new_m, *new_v;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    auto weights = gpu::Load<kWords>(w + i), means = gpu::Load<kWords>(m + i);
    auto squares = gpu::Load<kWords>(v + i);
    const auto gradients = gpu::Load<kWords>(g + i);
    for (int j = 0; j < kWords; ++j) {
      float &weight = weights.word[j], &mean = means.word[j], &square = squares.word[j];
      const float gradient = gradients.word[j];
      mean = __fadd_rn(mean, __fmul_rn(__fsub_rn(gradient, mean), kGain1));
      const float difference = __fsub_rn(__fmul_rn(gradient, gradient), square);
      square = __fadd_rn(square, __fmul_rn(difference, kGain2));
      const float divisor = __fadd_rn(__fsqrt_rn(square), kEpsilon);
      weight = __fsub_rn(weight, __fmul_rn(mean, *alpha) / divisor);
    }
    gpu::Store(new_w + i, weights);
    gpu::Store(new_m + i, means);
    gpu::Store(new_v + i, squares);
  }
};

}  // namespace

void Update(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  float* const alpha = stream.Scratch(1);
  gpu::ForEach(stream, 1, StepSize{buffers.in<std::int64_t>(4), alpha});
  const UpdateWeights update{buffers.in(0), buffers.in(1),  buffers.in(2),  buffers.in(3),
                             alpha,         buffers.out(0), buffers.out(1), buffers.out(2)};
  const bool wide = gpu::AreAligned(update.w, update.m, update.v, update.g, update.new_w,
                                    update.new_m, update.new_v);
  gpu::ForEachVector(stream, c.Get("n"), wide, update);
}

}  // namespace samebits::adam::SAMEBITS_GPU
