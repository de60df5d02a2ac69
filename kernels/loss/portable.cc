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

// The mean of all terms, or of a part of the batch their sum. terms(offset, count, out) writes
// those of elements [offset, offset + count) of the batch: whole samples, so that few elements a
// sample vectorise as well as many.
template <class Terms>
float Mean(const Shape& s, Team& team, const Terms& terms) {
  float* sums = Scratch(ScratchSlot::kLeaves, s.n + s.leaves);
  const std::int64_t block = 1 + 4096 / s.c;  // samples whose terms stay in the first-level cache
  team.RunRanges(s.n, block, [&](std::int64_t begin, std::int64_t end) {
    float* block_terms = Scratch(ScratchSlot::kPartials, block * s.c);
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t samples = end - first < block ? end - first : block;
      terms(first * s.c, samples * s.c, block_terms);
      for (std::int64_t n = 0; n < samples; ++n) {
        const float* row = block_terms + n * s.c;
        sums[first + n] =
            RowSum(s.c, [&](const auto& load, std::int64_t i) { return load(row + i); });
      }
    }
  });
  const float sum = samebits::SAMEBITS_ISA::SumOverLeaves(sums, s.n, s.leaves, sums + s.n);
  return s.is_part ? sum : sum / s.elements;
}

}  // namespace

void MeanSquaredError(const Shape& s, const Buffers& buffers, Team& team) {
  buffers.out(0)[0] = Mean(s, team, [&](std::int64_t offset, std::int64_t count, float* terms) {
    const float *y = buffers.in(0) + offset, *t = buffers.in(1) + offset;
    float* dy = buffers.out(1) + offset;
    const float elements = s.elements;
    for (std::int64_t i = 0; i < count; ++i) {
      const float d = y[i] - t[i];
      terms[i] = d * d;
      dy[i] = (2.0f * d) / elements;
    }
  });
}

void BinaryCrossEntropy(const Shape& s, const Buffers& buffers, Team& team) {
  buffers.out(0)[0] = Mean(s, team, [&](std::int64_t offset, std::int64_t count, float* terms) {
    const float *x = buffers.in(0) + offset, *t = buffers.in(1) + offset;
    float* dx = buffers.out(1) + offset;
    const float elements = s.elements;
    // The logarithm alone is a call: kept apart, the loops around it vectorise.
    for (std::int64_t i = 0; i < count; ++i) terms[i] = -std::fabs(x[i]);
    Exp(count, terms, terms);
    for (std::int64_t i = 0; i < count; ++i) terms[i] = 1.0f + terms[i];
    for (std::int64_t i = 0; i < count; ++i) terms[i] = samebits::Log(terms[i]);
    for (std::int64_t i = 0; i < count; ++i) {
      const float positive = ((x[i] > 0.0f) | (x[i] != x[i])) ? x[i] : 0.0f;
      terms[i] = (positive - x[i] * t[i]) + terms[i];
    }
    for (std::int64_t i = 0; i < count; ++i) dx[i] = -x[i];
    Exp(count, dx, dx);
    for (std::int64_t i = 0; i < count; ++i) dx[i] = (1.0f / (1.0f + dx[i]) - t[i]) / elements;
  });
}

}  // namespace samebits::loss::SAMEBITS_ISA
