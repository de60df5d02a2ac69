// The losses in plain C++: the compiler vectorises across the elements of a sample.
#include <cmath>

#include "kernels/core/row_sum.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/loss/loss.h"
#include "kernels/math/log.h"

namespace samebits::loss::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::Exp;
using samebits::SAMEBITS_ISA::RowSum;

// The mean of all terms. sample(offset of the sample in the batch) returns the sum of its terms.
template <class Sample>
float Mean(const Shape& s, Team& team, const Sample& sample) {
  float* sums = Scratch(ScratchSlot::kLeaves, s.n + s.leaves);
  const std::int64_t grain = 1 + 8192 / s.c;  // samples worth a task of their own
  team.RunRanges(s.n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) sums[n] = sample(n * s.c);
  });
  const float sum = samebits::SAMEBITS_ISA::SumOverLeaves(sums, s.n, s.leaves, sums + s.n);
  return sum / s.elements;
}

}  // namespace

void MeanSquaredError(const Shape& s, const Buffers& buffers, Team& team) {
  buffers.out(0)[0] = Mean(s, team, [&](std::int64_t offset) {
    const float *y = buffers.in(0) + offset, *t = buffers.in(1) + offset;
    float* dy = buffers.out(1) + offset;
    const float elements = s.elements;
    for (std::int64_t i = 0; i < s.c; ++i) dy[i] = (2.0f * (y[i] - t[i])) / elements;
    return RowSum(s.c, [&](std::int64_t i) {
      const float d = y[i] - t[i];
      return d * d;
    });
  });
}

void BinaryCrossEntropy(const Shape& s, const Buffers& buffers, Team& team) {
  buffers.out(0)[0] = Mean(s, team, [&](std::int64_t offset) {
    const float *x = buffers.in(0) + offset, *t = buffers.in(1) + offset;
    float* dx = buffers.out(1) + offset;
    const float elements = s.elements;
    // The logarithm alone is a call: kept apart, the loops around it vectorise.
    float* terms = Scratch(ScratchSlot::kPartials, s.c);
    for (std::int64_t i = 0; i < s.c; ++i) terms[i] = 1.0f + Exp(-std::fabs(x[i]));
    for (std::int64_t i = 0; i < s.c; ++i) terms[i] = samebits::Log(terms[i]);
    for (std::int64_t i = 0; i < s.c; ++i) {
      const float positive = (x[i] > 0.0f) | (x[i] != x[i]) ? x[i] : 0.0f;
      terms[i] = (positive - x[i] * t[i]) + terms[i];
    }
    for (std::int64_t i = 0; i < s.c; ++i) {
      dx[i] = (1.0f / (1.0f + Exp(-x[i])) - t[i]) / elements;
    }
    return RowSum(s.c, [&](std::int64_t i) { return terms[i]; });
  });
}

}  // namespace samebits::loss::SAMEBITS_ISA
