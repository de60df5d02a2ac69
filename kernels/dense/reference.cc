// The contract of dense, one output and one term at a time.
#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits::dense::reference {

void Forward(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *w = buffers.in(1), *bias = buffers.in(2);
  float* y = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t o = 0; o < s.k; ++o) {
      Dot dot;
      for (std::int64_t i = 0; i < s.c; ++i) dot.Fma(x[n * s.c + i], w[i * s.k + o]);
      const float sum = dot.Result() + bias[o];
      y[n * s.k + o] = s.relu && !(sum > 0.0f || sum != sum) ? 0.0f : sum;
    }
  }
}

void DataGradient(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = ShapeOf(id);
  const float *dy = buffers.in(0), *w = buffers.in(1);
  float* dx = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t i = 0; i < s.c; ++i) {
      Dot dot;
      for (std::int64_t o = 0; o < s.k; ++o) dot.Fma(dy[n * s.k + o], w[i * s.k + o]);
      dx[n * s.c + i] = dot.Result();
    }
  }
}

void WeightGradient(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *dy = buffers.in(1);
  float* dw = buffers.out(0);
  for (std::int64_t i = 0; i < s.c; ++i) {
    for (std::int64_t o = 0; o < s.k; ++o) {
      Tree leaves;
      for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
        Dot dot;
        const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves);
        for (std::int64_t n = LeafBegin(leaf, s.n, s.leaves); n < end; ++n) {
          dot.Fma(x[n * s.c + i], dy[n * s.k + o]);
        }
        leaves.Add(dot.Result());
      }
      dw[i * s.k + o] = leaves.Result();
    }
  }
}

void BiasGradient(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = ShapeOf(id);
  const float* dy = buffers.in(0);
  float* db = buffers.out(0);
  for (std::int64_t o = 0; o < s.k; ++o) {
    Tree leaves;
    for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
      Dot sum;
      const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves);
      for (std::int64_t n = LeafBegin(leaf, s.n, s.leaves); n < end; ++n) sum.Add(dy[n * s.k + o]);
      leaves.Add(sum.Result());
    }
    db[o] = leaves.Result();
  }
}

}  // namespace samebits::dense::reference
