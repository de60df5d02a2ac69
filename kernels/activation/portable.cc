// The elementwise functions in plain C++ that the compiler vectorises.
#include <algorithm>

#include "kernels/activation/activation.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_exp.h"
#include "kernels/core/vector_tanh.h"
#include "kernels/math/log.h"

namespace samebits::activation::SAMEBITS_ISA {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // elements worth a task of their own
constexpr std::int64_t kBlock = 2048;       // elements that stay in the first-level cache

}  // namespace

void ReluForward(const Case& id, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      y[i] = ((x[i] > 0.0f) | (x[i] != x[i])) ? x[i] : 0.0f;
  });
}

void ReluBackward(const Case& id, const Buffers& buffers, Team& team) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  float* dx = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float gradient = dy[i];  // read always, or the compiler keeps a branch
      dx[i] = y[i] > 0.0f ? gradient : 0.0f;
    }
  });
}

void SigmoidForward(const Case& id, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin, last; first < end; first = last) {
      last = std::min(first + kBlock, end);
      for (std::int64_t i = first; i < last; ++i) y[i] = -x[i];
      samebits::SAMEBITS_ISA::Exp(last - first, y + first, y + first);
      for (std::int64_t i = first; i < last; ++i) y[i] = 1.0f / (1.0f + y[i]);
    }
  });
}

void SigmoidBackward(const Case& id, const Buffers& buffers, Team& team) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  float* dx = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * (y[i] * (1.0f - y[i]));
  });
}

void TanhForward(const Case& id, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    samebits::SAMEBITS_ISA::Tanh(end - begin, x + begin, y + begin);
  });
}

void TanhBackward(const Case& id, const Buffers& buffers, Team& team) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  float* dx = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * (1.0f - y[i] * y[i]);
  });
}

void Exp(const Case& id, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    samebits::SAMEBITS_ISA::Exp(end - begin, x + begin, y + begin);
  });
}

// A loss takes one logarithm a sample: threads are all the speed it needs.
void Log(const Case& id, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = samebits::Log(x[i]);
  });
}

}  // namespace samebits::activation::SAMEBITS_ISA
