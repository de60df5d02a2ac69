// The contract of the losses, one element at a time.
#include <cmath>

#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/loss/loss.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"

namespace samebits::loss::reference {
namespace {

template <class Term>  // float Term(int64 element of the batch)
float Mean(const Shape& s, const Term& term) {
  const float sum = SumOverLeaves(s.n, s.leaves, [&](std::int64_t n) {
    return RowSum(s.c, [&](std::int64_t i) { return term(n * s.c + i); });
  });
  return s.is_part ? sum : sum / s.elements;
}

}  // namespace

void MeanSquaredError(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *y = buffers.in(0), *t = buffers.in(1);
  float* dy = buffers.out(1);
  buffers.out(0)[0] = Mean(s, [&](std::int64_t i) {
    const float d = y[i] - t[i];
    return d * d;
  });
  for (std::int64_t i = 0; i < s.n * s.c; ++i) {
    const float d = y[i] - t[i];
    dy[i] = (2.0f * d) / s.elements;
  }
}

void BinaryCrossEntropy(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *t = buffers.in(1);
  float* dx = buffers.out(1);
  buffers.out(0)[0] = Mean(s, [&](std::int64_t i) {
    const float positive = x[i] > 0.0f || x[i] != x[i] ? x[i] : 0.0f;
    return (positive - x[i] * t[i]) + Log(1.0f + Exp(-std::fabs(x[i])));
  });
  for (std::int64_t i = 0; i < s.n * s.c; ++i) {
    const float sigmoid = 1.0f / (1.0f + Exp(-x[i]));
    dx[i] = (sigmoid - t[i]) / s.elements;
  }
}

}  // namespace samebits::loss::reference
