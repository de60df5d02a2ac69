// The contract of softmax with cross-entropy, one sample at a time.
#include <vector>

#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::reference {

void CrossEntropyForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  const auto* labels = buffers.in<std::int32_t>(1);
  float* y = buffers.out(1);
  std::vector<float> losses(static_cast<std::size_t>(s.n));
  for (std::int64_t n = 0; n < s.n; ++n, x += s.c, y += s.c) {
    float m = x[0];
    for (std::int64_t i = 1; i < s.c; ++i) {
      if (x[i] > m || (x[i] != x[i] && m == m)) m = x[i];
    }
    for (std::int64_t i = 0; i < s.c; ++i) y[i] = Exp(x[i] - m);
    const float sum = RowSum(s.c, [&](std::int64_t i) { return y[i]; });
    for (std::int64_t i = 0; i < s.c; ++i) y[i] = y[i] / sum;
    losses[static_cast<std::size_t>(n)] = Log(sum) - (x[labels[n]] - m);
  }
  Tree leaves;
  for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
    const std::int64_t begin = LeafBegin(leaf, s.n, s.leaves);
    leaves.Add(RowSum(LeafBegin(leaf + 1, s.n, s.leaves) - begin,
                      [&](std::int64_t i) { return losses[static_cast<std::size_t>(begin + i)]; }));
  }
  buffers.out(0)[0] = leaves.Result() / static_cast<float>(s.n);
}

void CrossEntropyBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* y = buffers.in(0);
  const auto* labels = buffers.in<std::int32_t>(1);
  float* dx = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t i = 0; i < s.c; ++i) {
      const float onehot = i == labels[n] ? 1.0f : 0.0f;
      dx[n * s.c + i] = (y[n * s.c + i] - onehot) / static_cast<float>(s.n);
    }
  }
}

}  // namespace samebits::softmax::reference
