// The recurrent layer, a block a sample: its steps wait for each other, its units do not.
#include "kernels/cuda/arithmetic.h"
#include "kernels/cuda/math.h"
#include "kernels/rnn/rnn.h"

namespace samebits::rnn::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

constexpr int kThreads = 128;  // of a block; each has the units from its own on, so many apart

__global__ void __launch_bounds__(kThreads)
    RunSteps(Shape s, const float* z, const float* u, const float* mask, float* y, float* h,
             float* seen) {
  const std::int64_t n = blockIdx.x, units = s.k;
  for (std::int64_t t = 0; t < s.l; ++t) {
    const std::int64_t row = (n * s.l + t) * units;
    for (std::int64_t i = threadIdx.x; i < units; i += kThreads) {
      seen[row + i] = __fmul_rn(t == 0 ? 0.0f : h[row - units + i], mask[n * units + i]);
    }
    __syncthreads();
    for (std::int64_t j = threadIdx.x; j < units; j += kThreads) {
      gpu::Dot dot;
      for (std::int64_t i = 0; i < units; ++i) dot.Fma(seen[row + i], u[i * units + j]);
      const float state = gpu::Tanh(__fadd_rn(z[row + j], dot.Result()));
      h[row + j] = state;
      if (t == s.l - 1) y[n * units + j] = state;
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    RunStepsBack(Shape s, const float* h, const float* u, const float* mask, const float* dy,
                 float* dz) {
  const std::int64_t n = blockIdx.x, units = s.k;
  for (std::int64_t t = s.l - 1; t >= 0; --t) {
    const std::int64_t row = (n * s.l + t) * units;
    for (std::int64_t i = threadIdx.x; i < units; i += kThreads) {
      float gradient = dy[n * units + i];
      if (t < s.l - 1) {
        gpu::Dot dot;
        for (std::int64_t j = 0; j < units; ++j) dot.Fma(dz[row + units + j], u[i * units + j]);
        gradient = __fmul_rn(mask[n * units + i], dot.Result());
      }
      dz[row + i] = __fmul_rn(gradient, __fsub_rn(1.0f, __fmul_rn(h[row + i], h[row + i])));
    }
    __syncthreads();
  }
}

struct StepMaskElement {
  Shape s;
  const float *x, *mask;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    y[i] = __fmul_rn(x[i], mask[i / (s.l * s.k) * s.k + i % s.k]);
  }
};

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::Launch(stream, {static_cast<unsigned>(s.n)}, kThreads, RunSteps, s, buffers.in(0),
              buffers.in(1), buffers.in(2), buffers.out(0), buffers.out(1), buffers.out(2));
}

void Backward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::Launch(stream, {static_cast<unsigned>(s.n)}, kThreads, RunStepsBack, s, buffers.in(0),
              buffers.in(1), buffers.in(2), buffers.in(3), buffers.out(0));
}

void StepMask(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n * s.l * s.k,
               StepMaskElement{s, buffers.in(0), buffers.in(1), buffers.out(0)});
}

}  // namespace samebits::rnn::SAMEBITS_GPU
