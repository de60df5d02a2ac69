// The contract of softmax, one sample at a time.
#include <vector>

#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::reference {
namespace {

struct Statistics {
  float m;    // the largest value
  float sum;  // of exp(x - m)
};

// One sample: writes y.
Statistics Softmax(std::int64_t c, const float* x, float* y) {
  float m = x[0];
  for (std::int64_t i = 1; i < c; ++i) {
    if (x[i] > m || (x[i] != x[i] && m == m)) m = x[i];
  }
  for (std::int64_t i = 0; i < c; ++i) y[i] = Exp(x[i] - m);
  const float sum = RowSum(c, [&](std::int64_t i) { return y[i]; });
  for (std::int64_t i = 0; i < c; ++i) y[i] = y[i] / sum;
  return {m, sum};
}

}  // namespace

void Forward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  for (std::int64_t n = 0; n < s.n; ++n) {
    Softmax(s.c, buffers.in(0) + n * s.c, buffers.out(0) + n * s.c);
  }
}

void Backward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  for (std::int64_t n = 0; n < s.n; ++n) {
    const float *y = buffers.in(0) + n * s.c, *dy = buffers.in(1) + n * s.c;
    float* dx = buffers.out(0) + n * s.c;
    const float sum = RowSum(s.c, [&](std::int64_t i) { return dy[i] * y[i]; });
    for (std::int64_t i = 0; i < s.c; ++i) dx[i] = y[i] * (dy[i] - sum);
  }
}

void CrossEntropyForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const auto* labels = buffers.in<std::int32_t>(1);
  std::vector<float> losses(static_cast<std::size_t>(s.n));
  for (std::int64_t n = 0; n < s.n; ++n) {
    const float* x = buffers.in(0) + n * s.c;
    const auto [m, sum] = Softmax(s.c, x, buffers.out(1) + n * s.c);
    losses[static_cast<std::size_t>(n)] = Log(sum) - (x[labels[n]] - m);
  }
  const float sum = SumOverLeaves(
      s.n, s.leaves, [&](std::int64_t n) { return losses[static_cast<std::size_t>(n)]; });
  buffers.out(0)[0] = s.is_part ? sum : sum / s.batch;
}

void CrossEntropyBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* y = buffers.in(0);
  const auto* labels = buffers.in<std::int32_t>(1);
  float* dx = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t i = 0; i < s.c; ++i) {
      const float onehot = i == labels[n] ? 1.0f : 0.0f;
      dx[n * s.c + i] = (y[n * s.c + i] - onehot) / s.batch;
    }
  }
}

}  // namespace samebits::softmax::reference
