// Softmax with cross-entropy in plain C++: the compiler vectorises across classes.
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_ISA {
namespace {

enum : std::int64_t { kPartialElements = 4096, kPartialLanes = 16, kDeepest = 40 };

// The contract's row sum: 16 lanes a partial of 4,096, tree over lanes, tree over partials.
float RowSum(const float* x, std::int64_t n) {
  float levels[kDeepest];
  std::int64_t partials = 0;
  for (std::int64_t begin = 0; begin < n; begin += kPartialElements) {
    const std::int64_t end = n - begin < kPartialElements ? n : begin + kPartialElements;
    float lanes[kPartialLanes] = {};
    std::int64_t i = begin;
    for (; i + kPartialLanes <= end; i += kPartialLanes) {
      for (int j = 0; j < kPartialLanes; ++j) lanes[j] = lanes[j] + x[i + j];
    }
    for (int j = 0; i < end; ++i, ++j) lanes[j] = lanes[j] + x[i];
    for (int step = 1; step < kPartialLanes; step *= 2) {
      for (int j = 0; j < kPartialLanes; j += 2 * step) lanes[j] = lanes[j] + lanes[j + step];
    }
    float sum = lanes[0];
    int level = 0;
    for (std::int64_t p = partials; p & 1; p >>= 1, ++level) sum = levels[level] + sum;
    levels[level] = sum;
    ++partials;
  }
  if (partials == 0) return 0.0f;
  int level = 0;
  while (!(partials >> level & 1)) ++level;
  float sum = levels[level];
  while (partials >> ++level) {
    if (partials >> level & 1) sum = levels[level] + sum;
  }
  return sum;
}

std::int64_t LeafBegin(const Shape& s, std::int64_t leaf) { return leaf * s.n / s.leaves; }

}  // namespace

void CrossEntropyForward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* labels = buffers.in<std::int32_t>(1);
  float* losses = Scratch(ScratchSlot::kLeaves, s.n + s.leaves);
  const std::int64_t grain = 1 + 8192 / s.c;
  team.RunRanges(s.n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float* x = buffers.in(0) + n * s.c;
      float* y = buffers.out(1) + n * s.c;
      float m = x[0];
      for (std::int64_t i = 1; i < s.c; ++i) {
        m = (x[i] > m) | ((x[i] != x[i]) & (m == m)) ? x[i] : m;
      }
      for (std::int64_t i = 0; i < s.c; ++i) y[i] = samebits::SAMEBITS_ISA::Exp(x[i] - m);
      const float sum = RowSum(y, s.c);
      for (std::int64_t i = 0; i < s.c; ++i) y[i] = y[i] / sum;
      losses[n] = samebits::Log(sum) - (x[labels[n]] - m);
    }
  });
  float* leaves = losses + s.n;
  for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
    const std::int64_t begin = LeafBegin(s, leaf);
    leaves[leaf] = RowSum(losses + begin, LeafBegin(s, leaf + 1) - begin);
  }
  for (std::int64_t step = 1; step < s.leaves; step *= 2) {
    for (std::int64_t leaf = 0; leaf < s.leaves; leaf += 2 * step) {
      leaves[leaf] = leaves[leaf] + leaves[leaf + step];
    }
  }
  buffers.out(0)[0] = leaves[0] / static_cast<float>(s.n);
}

void CrossEntropyBackward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* labels = buffers.in<std::int32_t>(1);
  const auto samples = static_cast<float>(s.n);
  const std::int64_t grain = 1 + 8192 / s.c;
  team.RunRanges(s.n, grain, [&](std::int64_t begin, std::int64_t end) {
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
