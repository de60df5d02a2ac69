// Softmax in plain C++: the compiler vectorises across classes.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/core/row_sum.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::Floats;
using samebits::SAMEBITS_ISA::ForEachVector;
using samebits::SAMEBITS_ISA::kVectorLanes;
using samebits::SAMEBITS_ISA::Load;
using samebits::SAMEBITS_ISA::RowSum;

// Samples worth a task of their own.
std::int64_t Grain(const Shape& s) { return 1 + 8192 / s.c; }

struct Statistics {
  float m;    // the largest value
  float sum;  // of exp(x - m)
};

// The largest value, NaN if there is any. Which of -0 and +0 makes no difference to x - m that
// e^(x - m) could show.
float Largest(std::int64_t c, const float* x) {
  Floats m = Floats{} + x[0];
  auto unordered = m != m;
  float last = x[0];
  bool last_unordered = false;
  ForEachVector(c, [&]<class Values>(std::int64_t i) {
    const auto values = Load<Values>(x + i);
    if constexpr (std::is_same_v<Values, float>) {
      last = values > last ? values : last;
      last_unordered |= values != values;
    } else {
      m = values > m ? values : m;
      unordered |= values != values;
    }
  });
  for (std::int64_t j = 0; j < kVectorLanes; ++j) {
    last = m[j] > last ? m[j] : last;
    last_unordered |= unordered[j] != 0;
  }
  return last_unordered ? std::numeric_limits<float>::quiet_NaN() : last;
}

// Writes y of `n` samples.
void Softmax(std::int64_t n, std::int64_t c, const float* x, float* y, Statistics* statistics) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float m = statistics[i].m = Largest(c, x + i * c);
    for (std::int64_t j = i * c; j < (i + 1) * c; ++j) y[j] = x[j] - m;
  }
  // Over all samples alike, as few classes would leave a vector half empty.
  samebits::SAMEBITS_ISA::Exp(n * c, y, y);
  for (std::int64_t i = 0; i < n; ++i) {
    float* const row = y + i * c;
    const float sum = statistics[i].sum = RowSum(c, [&](std::int64_t j) { return row[j]; });
    for (std::int64_t j = 0; j < c; ++j) row[j] = row[j] / sum;
  }
}

// Calls Softmax for [begin, end) in blocks that stay in the first-level cache, and then
// done(first, count, statistics).
template <class Done>
void ForEachBlock(const Shape& s, const Buffers& buffers, float* y, std::int64_t begin,
                  std::int64_t end, const Done& done) {
  constexpr std::int64_t kBlock = 32, kBlockFloats = 4096;
  Statistics statistics[kBlock];
  const std::int64_t block = std::clamp<std::int64_t>(kBlockFloats / s.c, 1, kBlock);
  for (std::int64_t n = begin; n < end; n += block) {
    const std::int64_t count = std::min(block, end - n);
    Softmax(count, s.c, buffers.in(0) + n * s.c, y + n * s.c, statistics);
    done(n, count, statistics);
  }
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, Team& team) {
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    ForEachBlock(s, buffers, buffers.out(0), begin, end,
                 [](std::int64_t, std::int64_t, const Statistics*) {});
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
    ForEachBlock(s, buffers, buffers.out(1), begin, end,
                 [&](std::int64_t first, std::int64_t count, const Statistics* statistics) {
                   for (std::int64_t i = 0; i < count; ++i) {
                     const std::int64_t n = first + i;
                     const float x = buffers.in(0)[n * s.c + labels[n]];
                     losses[n] = samebits::Log(statistics[i].sum) - (x - statistics[i].m);
                   }
                 });
  });
  const float sum = samebits::SAMEBITS_ISA::SumOverLeaves(losses, s.n, s.leaves, losses + s.n);
  buffers.out(0)[0] = s.is_part ? sum : sum / s.batch;
}

void CrossEntropyBackward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* labels = buffers.in<std::int32_t>(1);
  const float batch = s.batch;
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float* y = buffers.in(0) + n * s.c;
      float* dx = buffers.out(0) + n * s.c;
      for (std::int64_t i = 0; i < s.c; ++i) {
        dx[i] = (y[i] - (i == labels[n] ? 1.0f : 0.0f)) / batch;
      }
    }
  });
}

}  // namespace samebits::softmax::SAMEBITS_ISA
