// Mistakes with tensors in 16 bits: how they are rounded, when, and what is lost on the way.
#include <algorithm>
#include <cmath>

#include "conformance/tests/broken_kernels.h"
#include "kernels/adam/adam.h"
#include "kernels/convert/stored.h"
#include "kernels/core/contract.h"
#include "kernels/core/cpu.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits {
namespace {

using Pattern = std::uint16_t;
using convert::Widened;

bool IsBfloat16(const Case& c) { return c.Get("bfloat", 0) != 0; }
Pattern Infinity(const Case& c) { return IsBfloat16(c) ? 0x7f80 : 0x7c00; }

// One rounding to the format, as binary32.
float Through(const Case& c, float x) { return convert::NumberOf(c, convert::Rounded(c, x)); }

// The nearest number that is not beyond x, for the right one.
Pattern Truncated(const Case& c, Pattern right, float x) {
  const float y = Through(c, x);
  return std::fabs(y) > std::fabs(x) ? static_cast<Pattern>(right - 1) : right;
}
Pattern TiesAway(const Case& c, Pattern right, float x) {
  const float y = Through(c, x);
  const float further = std::nextafter(x, std::copysign(INFINITY, x));
  const bool tie = std::fabs(y) < std::fabs(x) && Through(c, further) != y;
  return tie ? static_cast<Pattern>(right + 1) : right;
}
Pattern Saturated(const Case& c, Pattern right, float x) {
  const bool overflows = std::isfinite(x) && (right & 0x7fff) == Infinity(c);
  return overflows ? static_cast<Pattern>(right - 1) : right;
}
Pattern Flushed(const Case& c, Pattern right, float) {
  return (right & Infinity(c)) == 0 ? static_cast<Pattern>(right & 0x8000) : right;
}
Pattern NanPayload(const Case& c, Pattern right, float) {
  return (right & 0x7fff) > Infinity(c) ? static_cast<Pattern>(right | 1) : right;
}
Pattern AsItShould(const Case&, Pattern right, float) { return right; }

// The operation is right, and what is stored of it wrong.
template <const Op& op, auto rounded>
void Narrowing(const Case& c, const Buffers& buffers, Team& team) {
  if (!convert::IsStored(c)) return RunAsIs(Reference(op), c, buffers, team);
  const Widened wide(Reference(op), c, buffers, team);
  RunAsIs(Reference(op), wide.case_of(), wide.buffers(), team);
  wide.NarrowOutputs(team);
  const std::int64_t count = op.signature(c).outputs[0].Elements();
  for (std::int64_t i = 0; i < count; ++i) {
    Pattern& bits = buffers.out<Pattern>(0)[i];
    bits = rounded(c, bits, wide.buffers().out(0)[i]);
  }
}

// Reads subnormal numbers of the first input as zeros.
template <const Op& op>
void FlushesInputs(const Case& c, const Buffers& buffers, Team& team) {
  if (!convert::IsStored(c)) return RunAsIs(Reference(op), c, buffers, team);
  const auto* const x = buffers.in<Pattern>(0);
  std::vector<Pattern> flushed(x, x + op.signature(c).inputs[0].Elements());
  for (Pattern& bits : flushed) bits = Flushed(c, bits, 0);
  Buffers changed = buffers;
  changed.inputs[0] = flushed.data();
  RunAsIs(Reference(op), c, changed, team);
}

// A dot whose every sum is stored, or only the last one in front of the bias.
template <bool every>
void DenseNarrowsBetween(const Case& c, const Buffers& buffers, Team& team) {
  if (!convert::IsStored(c)) return RunAsIs(Reference(dense::kForward), c, buffers, team);
  const Widened wide(Reference(dense::kForward), c, buffers, team);
  const conv2d::Shape s = dense::ShapeOf(c);
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    const float* const x = wide.buffers().in(0) + i / s.k * s.c;
    const float* const w = wide.buffers().in(1) + i % s.k;
    Dot dot;
    float acc = 0.0f;
    for (std::int64_t k = 0; k < s.c; ++k) {
      dot.Fma(x[k], w[k * s.k]);
      acc = every ? Through(c, std::fma(x[k], w[k * s.k], acc)) : acc;
    }
    const float sum = (every ? acc : Through(c, dot.Result())) + wide.buffers().in(2)[i % s.k];
    wide.buffers().out(0)[i] = s.relu && !(sum > 0.0f || sum != sum) ? 0.0f : sum;
  }
  wide.NarrowOutputs(team);
}

// Gradients that meet in 16 bits.
void MaxBackwardNarrowsBetween(const Case& c, const Buffers& buffers, Team& team) {
  const Op& op = pool2d::kMaxBackward;
  if (!convert::IsStored(c)) return RunAsIs(Reference(op), c, buffers, team);
  const pool2d::Shape s = pool2d::ShapeOf(c);
  const Widened wide(Reference(op), c, buffers, team);
  const float *x = wide.buffers().in(0), *dy = wide.buffers().in(1);
  float* const dx = wide.buffers().out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.c; ++i) {
    const std::int64_t place = PlaceOfMaximum(s, x, i);
    dx[place] = Through(c, dx[place] + dy[i]);
  }
  wide.NarrowOutputs(team);
}

// Masters that are no more precise than what the layers see.
void AdamWithoutMasters(const Case& c, const Buffers& buffers, Team& team) {
  RunAsIs(Reference(adam::kUpdate), c, buffers, team);
  if (!convert::IsStored(c)) return;
  for (std::int64_t i = 0; i < c.Get("n"); ++i) {
    buffers.out(0)[i] = Through(c, buffers.out(0)[i]);
  }
}

// Takes the gradient of a scaled loss for that of the loss.
void AdamForgetsTheScale(const Case& c, const Buffers& buffers, Team& team) {
  RunAsIs(Reference(adam::kUpdate), c.Get("down", 0) == 0 ? c : c.With("down", 0), buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;

constexpr BrokenKernel Breaks(const Op& op, std::string_view name, KernelFunction* run) {
  return {{&op, name, &kCpu, kAll, run, nullptr, true}};
}

const BrokenKernel kBroken[] = {
    Breaks(dense::kForward, "truncates", Narrowing<dense::kForward, Truncated>),
    Breaks(dense::kForward, "ties_away", Narrowing<dense::kForward, TiesAway>),
    Breaks(dense::kForward, "saturates", Narrowing<dense::kForward, Saturated>),
    Breaks(dense::kForward, "flushes", Narrowing<dense::kForward, Flushed>),
    Breaks(dense::kForward, "nan_payload", Narrowing<dense::kForward, NanPayload>),
    Breaks(dense::kForward, "flushes_inputs", FlushesInputs<dense::kForward>),
    Breaks(dense::kForward, "narrows_in_the_chain", DenseNarrowsBetween<true>),
    Breaks(dense::kForward, "narrows_before_the_bias", DenseNarrowsBetween<false>),
    Breaks(dense::kWeightGradient, "flushes_inputs", FlushesInputs<dense::kWeightGradient>),
    Breaks(conv2d::kForward, "truncates", Narrowing<conv2d::kForward, Truncated>),
    Breaks(conv2d::kForward, "saturates", Narrowing<conv2d::kForward, Saturated>),
    Breaks(conv2d::kDataGradient, "ties_away", Narrowing<conv2d::kDataGradient, TiesAway>),
    Breaks(conv2d::kDataGradient, "flushes", Narrowing<conv2d::kDataGradient, Flushed>),
    Breaks(pool2d::kAverageForward, "ties_away", Narrowing<pool2d::kAverageForward, TiesAway>),
    Breaks(pool2d::kMaxForward, "nan_payload", Narrowing<pool2d::kMaxForward, NanPayload>),
    Breaks(pool2d::kMaxBackward, "narrows_between", MaxBackwardNarrowsBetween),
    Breaks(adam::kUpdate, "without_masters", AdamWithoutMasters),
    Breaks(adam::kUpdate, "forgets_the_scale", AdamForgetsTheScale),
};

const Kernel kSound[] = {
    {&dense::kForward, "stored", &kCpu, kAll, Narrowing<dense::kForward, AsItShould>, nullptr,
     true},
};

}  // namespace

std::span<const BrokenKernel> BrokenStorage() { return kBroken; }
std::span<const Kernel> SoundStorage() { return kSound; }

}  // namespace samebits
