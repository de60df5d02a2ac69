// The contract of the recurrent layer, one output and one term at a time.
#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/math/tanh.h"
#include "kernels/rnn/rnn.h"

namespace samebits::rnn::reference {

void Forward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *z = buffers.in(0), *u = buffers.in(1), *mask = buffers.in(2);
  float *y = buffers.out(0), *h = buffers.out(1), *seen = buffers.out(2);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t t = 0; t < s.l; ++t) {
      const std::int64_t row = (n * s.l + t) * s.k;
      for (std::int64_t i = 0; i < s.k; ++i) {
        const float before = t == 0 ? 0.0f : h[row - s.k + i];
        seen[row + i] = before * mask[n * s.k + i];
      }
      for (std::int64_t j = 0; j < s.k; ++j) {
        Dot dot;
        for (std::int64_t i = 0; i < s.k; ++i) dot.Fma(seen[row + i], u[i * s.k + j]);
        h[row + j] = Tanh(z[row + j] + dot.Result());
        y[n * s.k + j] = h[row + j];  // the last step's stays
      }
    }
  }
}

void Backward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *h = buffers.in(0), *u = buffers.in(1), *mask = buffers.in(2), *dy = buffers.in(3);
  float* dz = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t t = s.l - 1; t >= 0; --t) {
      const std::int64_t row = (n * s.l + t) * s.k;
      for (std::int64_t i = 0; i < s.k; ++i) {
        float gradient = dy[n * s.k + i];
        if (t < s.l - 1) {
          Dot dot;
          for (std::int64_t j = 0; j < s.k; ++j) dot.Fma(dz[row + s.k + j], u[i * s.k + j]);
          gradient = mask[n * s.k + i] * dot.Result();
        }
        dz[row + i] = gradient * (1.0f - h[row + i] * h[row + i]);
      }
    }
  }
}

void StepMask(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = MaskShapeOf(id);
  const float *x = buffers.in(0), *mask = buffers.in(1);
  for (std::int64_t i = 0; i < s.n * s.l * s.k; ++i) {
    buffers.out(0)[i] = x[i] * mask[i / (s.l * s.k) * s.k + i % s.k];
  }
}

}  // namespace samebits::rnn::reference
