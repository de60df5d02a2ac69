// Softmax in plain C++: the compiler vectorises across classes.
#include "kernels/core/row_sum.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::RowSum;

// Samples worth a task of their own.
std::int64_t Grain(const Shape& s) { return 1 + 8192 / s.c; }

struct Statistics {
  float m;    // the largest value
  float sum;  // of exp(x - m)
};

// One sample: writes y.
Statistics Softmax(std::int64_t c, const float* x, float* y) {
  float m = x[0];
  for (std::int64_t i = 1; i < c; ++i) {
    m = (x[i] > m) | ((x[i] != x[i]) & (m == m)) ? x[i] : m;
  }
  for (std::int64_t i = 0; i < c; ++i) y[i] = samebits::SAMEBITS_ISA::Exp(x[i] - m);
  const float sum = RowSum(c, [&](std::int64_t i) { return y[i]; });
  for (std::int64_t i = 0; i < c; ++i) y[i] = y[i] / sum;
  return {m, sum};
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, Team& team) {
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Softmax(s.c, buffers.in(0) + n * s.c, buffers.out(0) + n * s.c);
    }
  });
}

void Backward(const Shape& s, const Buffers& buffers, Team& team) {
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float *y = buffers.in(0) + n * s.c, *dy = buffers.in(1) + n * s.c;
      float* dx = buffers.out(0) + n * s.c;
      const float sum = RowSum(s.c, [&](std::int64_t i) { return dy[i] * y[i]; });
      for (std::int64_t i = 0; i < s.c; ++i) dx[i] = y[i] * (dy[i] - sum);
    }
  });
}

void CrossEntropyForward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* labels = buffers.in<std::int32_t>(1);
  float* losses = Scratch(ScratchSlot::kLeaves, s.n + s.leaves);
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float* x = buffers.in(0) + n * s.c;
      const Statistics statistics = Softmax(s.c, x, buffers.out(1) + n * s.c);
      losses[n] = samebits::Log(statistics.sum) - (x[labels[n]] - statistics.m);
    }
  });
  const float sum = samebits::SAMEBITS_ISA::SumOverLeaves(losses, s.n, s.leaves, losses + s.n);
  buffers.out(0)[0] = sum / static_cast<float>(s.n);
}

void CrossEntropyBackward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* labels = buffers.in<std::int32_t>(1);
  const auto samples = static_cast<float>(s.n);
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float* y = buffers.in(0) + n * s.c;
      float* dx = buffers.out(0) + n * s.c;
      for (std::int64_t i = 0; i < s.c; ++i) {
        dx[i] = (y[i] - (i == labels[n] ? 1.0f : 0.0f)) / samples;
      }
    }
  });
}

}  // namespace samebits::softmax::SAMEBITS_ISA
