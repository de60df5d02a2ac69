// Softmax, in vectors across classes.
#include <algorithm>
#include <limits>

#include "kernels/core/quotient.h"
#include "kernels/core/row_sum.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/math/log.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::AnyNaN;
using samebits::SAMEBITS_ISA::Divisor;
using samebits::SAMEBITS_ISA::Floats;
using samebits::SAMEBITS_ISA::ForEachPart;
using samebits::SAMEBITS_ISA::kVectorLanes;
using samebits::SAMEBITS_ISA::Load;
using samebits::SAMEBITS_ISA::LoadFirst;
using samebits::SAMEBITS_ISA::RowSum;
using samebits::SAMEBITS_ISA::TreeOverLanes;

// Samples worth a task of their own.
std::int64_t Grain(const Shape& s) { return 1 + 8192 / s.c; }

struct Statistics {
  float m;    // the largest value
  float sum;  // of exp(x - m)
};

// The largest value, NaN if there is any. Which of -0 and +0 makes no difference to x - m that
// e^(x - m) could show.
float Largest(std::int64_t c, const float* x) {
  const auto larger = [](Floats a, Floats b) { return b > a ? b : a; };
  Floats m = Floats{} + x[0], unordered = m;
  const auto take = [&](Floats values) {
    m = larger(m, values);
    unordered = values != values ? values : unordered;
  };
  std::int64_t i = 0;
  for (; i + kVectorLanes <= c; i += kVectorLanes) take(Load<Floats>(x + i));
  if (i < c) take(LoadFirst(x + i, c - i, m));
  return AnyNaN(unordered) ? std::numeric_limits<float>::quiet_NaN() : TreeOverLanes(m, larger)[0];
}

// Writes y of `n` samples, and fetches as many behind them: what comes next.
void Softmax(std::int64_t n, std::int64_t c, const float* x, float* y, Statistics* statistics) {
  // Maxima and sums wait for one instruction after the other: those of several samples, side by
  // side, wait together.
  for (std::int64_t i = 0; i < n; ++i) statistics[i].m = Largest(c, x + i * c);
  for (std::int64_t i = 0; i < n; ++i) {
    const float m = statistics[i].m;
    const float* from = x + i * c;
    float* to = y + i * c;
    ForEachPart(c, [&](const auto& load, const auto& store, std::int64_t j) {
      store(load(from + j) - m, to + j);
    });
  }
  // Over all samples alike, as few classes would leave a vector half empty.
  const float *const next_x = x + n * c, *const next_y = y + n * c;
  samebits::SAMEBITS_ISA::Exp(n * c, y, y, [&](std::int64_t i) {
    __builtin_prefetch(next_x + i, 0, 3);
    __builtin_prefetch(next_y + i, 1, 3);
  });
  for (std::int64_t i = 0; i < n; ++i) {
    const float* const row = y + i * c;
    statistics[i].sum = RowSum(c, [&](const auto& load, std::int64_t j) { return load(row + j); });
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const Divisor by_sum(statistics[i].sum);
    ForEachPart(c, [&](const auto& load, const auto& store, std::int64_t j) {
      store(by_sum.Quotient(load(y + i * c + j)), y + i * c + j);
    });
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
      const float sum =
          RowSum(s.c, [&](const auto& load, std::int64_t i) { return load(dy + i) * load(y + i); });
      ForEachPart(s.c, [&](const auto& load, const auto& store, std::int64_t i) {
        store(load(y + i) * (load(dy + i) - sum), dx + i);
      });
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
