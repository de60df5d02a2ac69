// The recurrent layer in plain C++: the compiler vectorises across units. Samples know nothing of
// each other, so each task runs some of them from the first step to the last.
#include "kernels/core/lane_dot.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/core/vector_tanh.h"
#include "kernels/rnn/rnn.h"

namespace samebits::rnn::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::LaneDot;
using samebits::SAMEBITS_ISA::Tanh;

// Samples worth a task of their own.
std::int64_t Grain(const Shape& s) { return 1 + 64 * 1024 / (s.l * s.k * s.k); }

// out[j] = dot over i of a[i] * b[i,j], b[k,k].
void Product(const Shape& s, const float* a, const float* b, float* out) {
  ForEachLaneBlock(s.k, [&]<int W>(std::int64_t j) {
    LaneDot<W> dot;
    dot.Fma(a, 1, b + j, s.k, s.k);
    dot.Result(out + j);
  });
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, Team& team) {
  const float *z = buffers.in(0), *u = buffers.in(1);
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float* mask = buffers.in(2) + n * s.k;
      float* h = buffers.out(1) + n * s.l * s.k;
      float* seen = buffers.out(2) + n * s.l * s.k;
      const float* input = z + n * s.l * s.k;
      for (std::int64_t i = 0; i < s.k; ++i) seen[i] = 0.0f * mask[i];
      for (std::int64_t t = 0;;) {
        Product(s, seen, u, h);
        for (std::int64_t j = 0; j < s.k; ++j) h[j] = input[j] + h[j];
        Tanh(s.k, h, h);
        if (++t == s.l) break;
        seen += s.k, input += s.k;
        for (std::int64_t i = 0; i < s.k; ++i) seen[i] = h[i] * mask[i];
        h += s.k;
      }
      float* y = buffers.out(0) + n * s.k;
      for (std::int64_t j = 0; j < s.k; ++j) y[j] = h[j];
    }
  });
}

void Backward(const Shape& s, const Buffers& buffers, Team& team) {
  const float* u = buffers.in(1);
  float* transposed = Scratch(ScratchSlot::kWeights, s.k * s.k);
  for (std::int64_t i = 0; i < s.k; ++i) {
    for (std::int64_t j = 0; j < s.k; ++j) transposed[j * s.k + i] = u[i * s.k + j];
  }
  team.RunRanges(s.n, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const float *mask = buffers.in(2) + n * s.k, *dy = buffers.in(3) + n * s.k;
      const float* h = buffers.in(0) + ((n + 1) * s.l - 1) * s.k;
      float* dz = buffers.out(0) + ((n + 1) * s.l - 1) * s.k;
      for (std::int64_t i = 0; i < s.k; ++i) dz[i] = dy[i] * (1.0f - h[i] * h[i]);
      for (std::int64_t t = s.l - 1; t > 0; --t) {
        h -= s.k, dz -= s.k;
        Product(s, dz + s.k, transposed, dz);
        for (std::int64_t i = 0; i < s.k; ++i) dz[i] = (mask[i] * dz[i]) * (1.0f - h[i] * h[i]);
      }
    }
  });
}

void StepMask(const Shape& s, const Buffers& buffers, Team& team) {
  team.RunRanges(s.n, 1 + 16 * 1024 / (s.l * s.k), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin * s.l; row < end * s.l; ++row) {
      const float *x = buffers.in(0) + row * s.k, *mask = buffers.in(1) + row / s.l * s.k;
      float* y = buffers.out(0) + row * s.k;
      for (std::int64_t c = 0; c < s.k; ++c) y[c] = x[c] * mask[c];
    }
  });
}

}  // namespace samebits::rnn::SAMEBITS_ISA
