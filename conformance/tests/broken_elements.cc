// Mistakes in pooling, activations, dropout, softmax, recurrent layers and Adam: NaN, -0, ties, and
// rearranged formulas that are equal on paper only.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "conformance/sums.h"
#include "conformance/tests/broken_kernels.h"
#include "kernels/activation/activation.h"
#include "kernels/adam/adam.h"
#include "kernels/convert/convert.h"
#include "kernels/core/cpu.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/dropout/dropout.h"
#include "kernels/initializer/initializer.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/tanh.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/rnn/rnn.h"
#include "kernels/softmax/softmax.h"

namespace samebits {

namespace dropout::reference {
KernelFunction Apply, Mask;
}

namespace initializer::reference {
KernelFunction Uniform, Normal, TruncatedNormal;
}

namespace {

// y[i] = function(x[i]) and y[i] = function(a[i], b[i]).
template <auto function>
void Unary(const Case& id, const Buffers& buffers, Team&) {
  std::transform(buffers.in(0), buffers.in(0) + id.Get("n"), buffers.out(0), function);
}
template <auto function>
void Binary(const Case& id, const Buffers& buffers, Team&) {
  std::transform(buffers.in(0), buffers.in(0) + id.Get("n"), buffers.in(1), buffers.out(0),
                 function);
}

float ReluByMax(float x) { return std::fmax(x, 0.0f); }
float ReluKeepsMinusZero(float x) { return x < 0.0f ? 0.0f : x; }
float ReluByMask(float y, float dy) { return dy * (y > 0.0f ? 1.0f : 0.0f); }
float ReluAddsZero(float y, float dy) { return (y > 0.0f ? dy : 0.0f) + 0.0f; }

float TanhByExp(float x) { return 1.0f - 2.0f / (Exp(2.0f * x) + 1.0f); }
float TanhGradientFactored(float y, float dy) { return dy * ((1.0f - y) * (1.0f + y)); }

using Replaces = bool(float tap, float m);  // whether a later tap takes the maximum's place
bool Right(float tap, float m) { return tap > m || (tap != tap && m == m); }
bool NanLost(float tap, float m) { return tap > m; }
bool LastMaximum(float tap, float m) { return tap >= m || tap != tap; }
// maxss m, tap: the second operand unless the first is greater; a NaN or a zero replaces its equal.
bool MaxInstruction(float tap, float m) { return !(m > tap); }

template <Replaces* replaces>
std::int64_t PlaceOfMaximum(const pool2d::Shape& s, const float* x, std::int64_t window) {
  const std::int64_t c = window % s.c, ow = window / s.c % s.ow, oh = window / s.c / s.ow % s.oh;
  const std::int64_t n = window / (s.c * s.ow * s.oh);
  std::int64_t place = -1;
  for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
    const std::int64_t ih = oh * s.stride - s.pad + tap / s.s;
    const std::int64_t iw = ow * s.stride - s.pad + tap % s.s;
    if (ih < 0 || ih >= s.h || iw < 0 || iw >= s.w) continue;
    const std::int64_t at = ((n * s.h + ih) * s.w + iw) * s.c + c;
    if (place < 0 || replaces(x[at], x[place])) place = at;
  }
  return place;
}

template <Replaces* replaces>
void MaxForward(const Case& id, const Buffers& buffers, Team&) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.c; ++i) {
    buffers.out(0)[i] = buffers.in(0)[PlaceOfMaximum<replaces>(s, buffers.in(0), i)];
  }
}

// Padded taps take part as zeros.
void MaxPadsWithZero(const Case& id, const Buffers& buffers, Team& team) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  MaxForward<Right>(id, buffers, team);
  if (s.pad == 0) return;
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.c; ++i) {
    const std::int64_t ow = i / s.c % s.ow, oh = i / s.c / s.ow % s.oh;
    const std::int64_t top = oh * s.stride - s.pad, left = ow * s.stride - s.pad;
    const bool padded = top < 0 || left < 0 || top + s.r > s.h || left + s.s > s.w;
    if (padded && buffers.out(0)[i] < 0.0f) buffers.out(0)[i] = 0.0f;
  }
}

template <Replaces* replaces, bool reversed, bool adds>
void MaxBackward(const Case& id, const Buffers& buffers, Team&) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  float* const dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  const std::int64_t windows = s.n * s.oh * s.ow * s.c;
  for (std::int64_t i = 0; i < windows; ++i) {
    const std::int64_t window = reversed ? windows - 1 - i : i;
    const std::int64_t place = PlaceOfMaximum<replaces>(s, buffers.in(0), window);
    dx[place] = adds ? dx[place] + buffers.in(1)[window] : buffers.in(1)[window];
  }
}

// Numbers only the real taps.
void ArgmaxSkipsPadding(const Case& id, const Buffers& buffers, Team& team) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  MaxForward<Right>(id, buffers, team);
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.c; ++i) {
    const std::int64_t ow = i / s.c % s.ow, oh = i / s.c / s.ow % s.oh;
    const std::int64_t place = PlaceOfMaximum<Right>(s, buffers.in(0), i);
    const std::int64_t h = place / s.c / s.w % s.h, w = place / s.c % s.w;
    const std::int64_t top = std::max<std::int64_t>(oh * s.stride - s.pad, 0);
    const std::int64_t left = std::max<std::int64_t>(ow * s.stride - s.pad, 0);
    const std::int64_t right = std::min(ow * s.stride - s.pad + s.s, s.w);
    buffers.out<std::uint8_t>(1)[i] =
        static_cast<std::uint8_t>((h - top) * (right - left) + w - left);
  }
}

// A tap that is padding is taken for the real one next to it.
void ArgmaxIsClamped(const Case& id, const Buffers& buffers, Team&) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  float* const dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.c; ++i) {
    const std::int64_t tap = buffers.in<std::uint8_t>(0)[i];
    if (tap >= s.r * s.s) continue;
    const std::int64_t ow = i / s.c % s.ow, oh = i / s.c / s.ow % s.oh, n = i / (s.c * s.ow * s.oh);
    const std::int64_t h = std::clamp<std::int64_t>(oh * s.stride - s.pad + tap / s.s, 0, s.h - 1);
    const std::int64_t w = std::clamp<std::int64_t>(ow * s.stride - s.pad + tap % s.s, 0, s.w - 1);
    float& to = dx[((n * s.h + h) * s.w + w) * s.c + i % s.c];
    to = to + buffers.in(1)[i];
  }
}

void AverageTimesReciprocal(const Case& id, const Buffers& buffers, Team&) {
  const pool2d::Shape s = pool2d::ShapeOf(id);
  const std::int64_t pixels = s.h * s.w;
  for (std::int64_t i = 0; i < s.n * s.c; ++i) {
    Dot sum;
    for (std::int64_t p = 0; p < pixels; ++p) {
      sum.Add(buffers.in(0)[(i / s.c * pixels + p) * s.c + i % s.c]);
    }
    buffers.out(0)[i] = sum.Result() * (1.0f / static_cast<float>(pixels));
  }
}

// The mask from the dropout of ones, so that only the use of the mask is wrong.
template <auto apply>
void Dropout(const Case& id, const Buffers& buffers, Team& team) {
  const dropout::Shape s = dropout::ShapeOf(id);
  const std::vector<float> ones(static_cast<std::size_t>(s.n), 1.0f);
  std::vector<float> mask(ones.size());
  Buffers of_ones = buffers;
  of_ones.inputs[0] = ones.data();
  of_ones.outputs[0] = mask.data();
  dropout::reference::Apply(id, of_ones, team);
  for (std::size_t i = 0; i < ones.size(); ++i) {
    const float rate = static_cast<float>(id.Get("rate")) / 1e6f;
    buffers.out(0)[i] = apply(buffers.in(0)[i], mask[i] != 0.0f, s.scale, rate);
  }
}

float DividesByRest(float x, bool kept, float, float rate) {
  return kept ? x / (1.0f - rate) : 0.0f;
}
float MultipliesMask(float x, bool kept, float scale, float) {
  return x * scale * (kept ? 1.0f : 0.0f);
}
// A part of a batch with the mask of a batch of its own.
Case AsBatch(const Case& id) {
  const bool part = id.Get("of", 0) > 0 && id.Get("first", -1) >= 0;
  return part ? id.With("first", 0).With("of", id.Get("n")) : id;
}
void DropoutOfPart(const Case& id, const Buffers& buffers, Team& team) {
  dropout::reference::Apply(AsBatch(id), buffers, team);
}
void MaskOfPart(const Case& id, const Buffers& buffers, Team& team) {
  dropout::reference::Mask(AsBatch(id), buffers, team);
}

void MaskedByProduct(const Case& id, const Buffers& buffers, Team&) {
  const dropout::Shape s = dropout::ShapeOf(id);
  for (std::int64_t i = 0; i < s.n; ++i) {
    const auto kept = static_cast<float>(buffers.in<std::uint8_t>(1)[i]);
    buffers.out(0)[i] = buffers.in(0)[i] * s.scale * kept;
  }
}

float AddsZero(float x, bool kept, float scale, float) { return (kept ? x * scale : 0.0f) + 0.0f; }

struct SoftmaxMistakes {
  bool max_kept = false;       // exp(x) instead of exp(x - m)
  bool sum_in_order = false;   // one chain instead of the row sum
  bool reciprocal = false;     // e * (1 / s) instead of e / s
  bool loss_divided = false;   // each leaf, before the tree
  bool loss_in_order = false;  // all samples in one chain instead of per leaf
  bool part_divided = false;   // the loss of a part of a batch, too
};

template <SoftmaxMistakes wrong>
void CrossEntropy(const Case& id, const Buffers& buffers, Team&) {
  const softmax::Shape s = softmax::ShapeOf(id);
  const float samples = s.is_part && !wrong.part_divided ? 1.0f : s.batch;
  std::vector<float> losses;
  for (std::int64_t n = 0; n < s.n; ++n) {
    const float* const x = buffers.in(0) + n * s.c;
    float* const y = buffers.out(1) + n * s.c;
    const float m =
        wrong.max_kept ? 0.0f : std::accumulate(x + 1, x + s.c, x[0], [](float a, float b) {
          return Right(b, a) ? b : a;
        });
    for (std::int64_t i = 0; i < s.c; ++i) y[i] = Exp(x[i] - m);
    const float sum = wrong.sum_in_order ? std::accumulate(y, y + s.c, 0.0f)
                                         : RowSum(s.c, [&](std::int64_t i) { return y[i]; });
    for (std::int64_t i = 0; i < s.c; ++i)
      y[i] = wrong.reciprocal ? y[i] * (1.0f / sum) : y[i] / sum;
    losses.push_back(Log(sum) - (x[buffers.in<std::int32_t>(1)[n]] - m));
  }
  Tree tree;
  for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
    const std::int64_t begin = LeafBegin(leaf, s.n, s.leaves);
    const float sum = RowSum(LeafBegin(leaf + 1, s.n, s.leaves) - begin, [&](std::int64_t i) {
      return losses[static_cast<std::size_t>(begin + i)];
    });
    tree.Add(wrong.loss_divided ? sum / samples : sum);
  }
  const float sum =
      wrong.loss_in_order ? std::accumulate(losses.begin(), losses.end(), 0.0f) : tree.Result();
  buffers.out(0)[0] = wrong.loss_divided ? sum : sum / samples;
}

struct RnnMistakes {
  bool mask_behind = false;  // on the product instead of the state
  bool input_first = false;  // the dot begun with z instead of added to it
  bool state_kept = false;   // from sample to sample
};

template <RnnMistakes wrong>
void RnnForward(const Case& id, const Buffers& buffers, Team&) {
  const rnn::Shape s = rnn::ShapeOf(id);
  const auto k = static_cast<std::size_t>(s.k);
  const float *z = buffers.in(0), *u = buffers.in(1);
  float *h = buffers.out(1), *seen = buffers.out(2);
  std::vector<float> state(k, 0.0f);
  for (std::int64_t step = 0; step < s.n * s.l; ++step) {
    if (step % s.l == 0 && !wrong.state_kept) state.assign(k, 0.0f);
    const float* const mask = buffers.in(2) + step / s.l * s.k;
    for (std::size_t i = 0; i < k; ++i) {
      seen[step * s.k + static_cast<std::int64_t>(i)] =
          wrong.mask_behind ? state[i] : state[i] * mask[i];
    }
    for (std::int64_t j = 0; j < s.k; ++j) {
      Dot dot;
      const float input = z[step * s.k + j];
      if (wrong.input_first) dot.Add(input);
      for (std::int64_t i = 0; i < s.k; ++i) dot.Fma(seen[step * s.k + i], u[i * s.k + j]);
      const float sum = wrong.mask_behind ? dot.Result() * mask[j] : dot.Result();
      h[step * s.k + j] = Tanh(wrong.input_first ? sum : input + sum);
    }
    std::copy_n(h + step * s.k, s.k, state.begin());
    std::copy_n(h + step * s.k, s.k, buffers.out(0) + step / s.l * s.k);
  }
}

void StepMaskSelects(const Case& id, const Buffers& buffers, Team&) {
  const rnn::Shape s = rnn::MaskShapeOf(id);
  for (std::int64_t i = 0; i < s.n * s.l * s.k; ++i) {
    const float mask = buffers.in(1)[i / (s.l * s.k) * s.k + i % s.k];
    buffers.out(0)[i] = mask == 0.0f ? 0.0f : buffers.in(0)[i] * mask;
  }
}

std::uint16_t Bfloat16Truncated(std::uint32_t bits) {
  return static_cast<std::uint16_t>(bits >> 16);
}
std::uint16_t Bfloat16HalfUp(std::uint32_t bits) {
  return static_cast<std::uint16_t>((bits + 0x8000) >> 16);
}
// Carries the payload of a NaN into the exponent, or beyond it.
std::uint16_t Bfloat16NanUnseen(std::uint32_t bits) {
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

template <auto narrow>
void ToBfloat16(const Case& id, const Buffers& buffers, Team& team) {
  if (id.Get("bfloat", 0) == 0) return Reference(convert::kNarrow).run(id, buffers, team);
  const auto* const bits = buffers.in<std::uint32_t>(0);
  std::transform(bits, bits + id.Get("n"), buffers.out<std::uint16_t>(0), narrow);
}

// By way of its own subnormals as zeros.
void Float16Flushed(const Case& id, const Buffers& buffers, Team& team) {
  Reference(convert::kNarrow).run(id, buffers, team);
  if (id.Get("bfloat", 0) != 0) return;
  for (std::int64_t i = 0; i < id.Get("n"); ++i) {
    std::uint16_t& y = buffers.out<std::uint16_t>(0)[i];
    if ((y & 0x7c00) == 0) y &= 0x8000;
  }
}

// The stream's plain values, scaled and shifted behind it: uniforms of keras-jax rounded twice,
// normals once.
template <KernelFunction* draw>
void ScaledBehind(const Case& id, const Buffers& buffers, Team& team) {
  const float plain[2] = {0.0f, 1.0f};
  const float* const range = buffers.in(1);
  Buffers of_plain = buffers;
  of_plain.inputs[1] = plain;
  draw(id, of_plain, team);
  const bool is_uniform = draw == initializer::reference::Uniform;
  const float shift = range[0], scale = is_uniform ? range[1] - range[0] : range[1];
  for (std::int64_t i = 0; i < id.Get("n"); ++i) {
    float& value = buffers.out(0)[i];
    value = is_uniform ? value * scale + shift : std::fma(value, scale, shift);
  }
}

void AdamWithFma(const Case& id, const Buffers& buffers, Team&) {
  const float *w = buffers.in(0), *m = buffers.in(1), *v = buffers.in(2), *g = buffers.in(3);
  const float alpha = adam::Alpha(buffers.in<std::int64_t>(4)[0]);
  for (std::int64_t i = 0; i < id.Get("n"); ++i) {
    const float new_m = std::fma(g[i] - m[i], adam::kGain1, m[i]);
    const float new_v = std::fma(std::fma(g[i], g[i], -v[i]), adam::kGain2, v[i]);
    buffers.out(0)[i] = w[i] - (new_m * alpha) / (std::sqrt(new_v) + adam::kEpsilon);
    buffers.out(1)[i] = new_m;
    buffers.out(2)[i] = new_v;
  }
}

constexpr auto kAll = Claim::kEverywhere;
using activation::kReluBackward, activation::kReluForward;
using pool2d::kMaxBackward, pool2d::kMaxForward;
constexpr const Op* kSoftmax = &softmax::kCrossEntropyForward;

constexpr BrokenKernel kBroken[] = {
    {{&kReluForward, "nan_lost", &kCpu, kAll, Unary<ReluByMax>}},
    {{&kReluForward, "minus_zero_kept", &kCpu, kAll, Unary<ReluKeepsMinusZero>}},
    {{&kReluBackward, "mask_multiplied", &kCpu, kAll, Binary<ReluByMask>}},
    {{&kReluBackward, "minus_zero_lost", &kCpu, kAll, Binary<ReluAddsZero>}},

    {{&kMaxForward, "nan_lost", &kCpu, kAll, MaxForward<NanLost>}},
    {{&kMaxForward, "last_maximum", &kCpu, kAll, MaxForward<LastMaximum>}},
    {{&kMaxForward, "max_instruction", &kCpu, kAll, MaxForward<MaxInstruction>}},
    {{&kMaxForward, "pads_with_zero", &kCpu, kAll, MaxPadsWithZero}},
    {{&kMaxBackward, "nan_lost", &kCpu, kAll, MaxBackward<NanLost, false, true>}},
    {{&kMaxBackward, "last_maximum", &kCpu, kAll, MaxBackward<LastMaximum, false, true>}},
    {{&kMaxBackward, "windows_reversed", &kCpu, kAll, MaxBackward<Right, true, true>}},
    {{&kMaxBackward, "written_not_added", &kCpu, kAll, MaxBackward<Right, false, false>}},
    {{&pool2d::kMaxArgmaxForward, "padding_skipped", &kCpu, kAll, ArgmaxSkipsPadding}},
    {{&pool2d::kMaxArgmaxBackward, "padding_clamped", &kCpu, kAll, ArgmaxIsClamped}},
    {{&pool2d::kGlobalAverageForward, "times_reciprocal", &kCpu, kAll, AverageTimesReciprocal}},

    {{&dropout::kForward, "divides_by_rest", &kCpu, kAll, Dropout<DividesByRest>}},
    {{&dropout::kForward, "mask_multiplied", &kCpu, kAll, Dropout<MultipliesMask>}},
    {{&dropout::kForward, "minus_zero_lost", &kCpu, kAll, Dropout<AddsZero>}},
    {{&dropout::kForward, "part_has_its_own_mask", &kCpu, kAll, DropoutOfPart}},
    {{&dropout::kMask, "part_has_its_own_mask", &kCpu, kAll, MaskOfPart}},
    {{&dropout::kMasked, "mask_multiplied", &kCpu, kAll, MaskedByProduct}},

    {{&initializer::kUniform, "rounded_twice", &kCpu, kAll,
      ScaledBehind<initializer::reference::Uniform>}},
    {{&initializer::kNormal, "rounded_once", &kCpu, kAll,
      ScaledBehind<initializer::reference::Normal>}},
    {{&initializer::kTruncatedNormal, "rounded_once", &kCpu, kAll,
      ScaledBehind<initializer::reference::TruncatedNormal>}},

    {{kSoftmax, "max_kept", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{.max_kept = true}>}},
    {{kSoftmax, "sum_in_order", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{.sum_in_order = true}>}},
    {{kSoftmax, "reciprocal", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{.reciprocal = true}>}},
    {{kSoftmax, "part_divided", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{.part_divided = true}>}},
    {{kSoftmax, "loss_divided", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{.loss_divided = true}>}},
    {{kSoftmax, "loss_in_order", &kCpu, kAll,
      CrossEntropy<SoftmaxMistakes{.loss_in_order = true}>}},

    {{&activation::kTanhForward, "by_exp", &kCpu, kAll, Unary<TanhByExp>}},
    {{&activation::kTanhBackward, "factored", &kCpu, kAll, Binary<TanhGradientFactored>}},
    {{&rnn::kForward, "mask_behind", &kCpu, kAll, RnnForward<RnnMistakes{.mask_behind = true}>}},
    {{&rnn::kForward, "input_first", &kCpu, kAll, RnnForward<RnnMistakes{.input_first = true}>}},
    {{&rnn::kForward, "state_kept", &kCpu, kAll, RnnForward<RnnMistakes{.state_kept = true}>}},
    {{&rnn::kStepMask, "selects", &kCpu, kAll, StepMaskSelects}},

    {{&convert::kNarrow, "truncated", &kCpu, kAll, ToBfloat16<Bfloat16Truncated>}},
    {{&convert::kNarrow, "half_up", &kCpu, kAll, ToBfloat16<Bfloat16HalfUp>}},
    {{&convert::kNarrow, "nan_unseen", &kCpu, kAll, ToBfloat16<Bfloat16NanUnseen>}},
    {{&convert::kNarrow, "flushed", &kCpu, kAll, Float16Flushed}},

    {{&adam::kUpdate, "fma", &kCpu, kAll, AdamWithFma}},
};

constexpr Kernel kSound[] = {
    {&kMaxForward, "sound", &kCpu, kAll, MaxForward<Right>},
    {&kMaxBackward, "sound", &kCpu, kAll, MaxBackward<Right, false, true>},
    {kSoftmax, "sound", &kCpu, kAll, CrossEntropy<SoftmaxMistakes{}>},
    {&rnn::kForward, "sound", &kCpu, kAll, RnnForward<RnnMistakes{}>},
};

}  // namespace

std::int64_t PlaceOfMaximum(const pool2d::Shape& s, const float* x, std::int64_t window) {
  return PlaceOfMaximum<Right>(s, x, window);
}

std::span<const BrokenKernel> BrokenElements() { return kBroken; }
std::span<const Kernel> SoundElements() { return kSound; }

}  // namespace samebits
