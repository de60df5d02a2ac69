// Mistakes in one dot: its order, its blocks, its arithmetic, its bias, its padding.
#include <bit>

#include "conformance/sums.h"
#include "conformance/tests/broken_kernels.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

using DotAndBias = float(const Terms&, float bias);

float Right(const Terms& terms, float bias) { return BlockedDot(terms, 256, 16) + bias; }

float ChainTooLong(const Terms& terms, float bias) { return BlockedDot(terms, 257, 16) + bias; }
float ChainTooShort(const Terms& terms, float bias) { return BlockedDot(terms, 255, 16) + bias; }
float SegmentTooShort(const Terms& terms, float bias) { return BlockedDot(terms, 256, 15) + bias; }

float OneChain(const Terms& terms, float bias) {
  return Chains(terms, terms.size())[0] + 0.0f + bias;
}

float FoldInsteadOfTree(const Terms& terms, float bias) {
  return LeftToRight(Segments(Chains(terms, 256), 16)) + 0.0f + bias;
}

float TreeOfChains(const Terms& terms, float bias) {
  return TreeOf(Chains(terms, 256)) + 0.0f + bias;
}

float Reversed(const Terms& terms, float bias) {
  return Right(Terms(terms.rbegin(), terms.rend()), bias);
}

float FmaDropped(const Terms& terms, float bias) {
  Dot dot;
  for (const Term& term : terms) term.present ? dot.Add(term.a * term.b) : dot.Absent();
  return dot.Result() + bias;
}

float SplitK(const Terms& terms, float bias) {
  const auto half = terms.begin() + static_cast<std::ptrdiff_t>(terms.size() / 2);
  return BlockedDot(Terms(terms.begin(), half), 256, 16) +
         BlockedDot(Terms(half, terms.end()), 256, 16) + bias;
}

// A vector register of partial sums: the dot runs along the lanes instead of across outputs.
float EightPartialSums(const Terms& terms, float bias) {
  Sums lanes(8);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].present) lanes[i % 8] = std::fma(terms[i].a, terms[i].b, lanes[i % 8]);
  }
  return TreeOf(lanes) + 0.0f + bias;
}

// More exact, and wrong: the golden is a sequence of roundings, not the best sum.
float DoublePrecision(const Terms& terms, float bias) {
  double sum = 0.0;
  for (const Term& term : terms) {
    if (term.present) sum += static_cast<double>(term.a) * static_cast<double>(term.b);
  }
  return static_cast<float>(sum) + 0.0f + bias;
}

// What a tensor core does to its inputs unless told otherwise: 10 bits of fraction.
float TensorFloat32(const Terms& terms, float bias) {
  const auto cut = [](float x) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000u);
  };
  Terms rounded = terms;
  for (Term& term : rounded) term.a = cut(term.a), term.b = cut(term.b);
  return Right(rounded, bias);
}

float FinalZeroDropped(const Terms& terms, float bias) {
  return TreeOf(Segments(Chains(terms, 256), 16)) + bias;
}

float BiasFirst(const Terms& terms, float bias) {
  return TreeOf(Segments(Chains(terms, 256, bias), 16)) + 0.0f;
}

float BiasBeforeTree(const Terms& terms, float bias) {
  Sums segments = Segments(Chains(terms, 256), 16);
  segments.back() = segments.back() + bias;
  return TreeOf(segments) + 0.0f;
}

float AbsentMovesBorders(const Terms& terms, float bias) {
  Terms compact = terms;
  std::erase_if(compact, [](const Term& term) { return !term.present; });
  return compact.empty() ? bias : Right(compact, bias);
}

// The factor that is there stays, so that an infinity or a NaN meets the zero.
float AbsentAsZero(const Terms& terms, float bias) {
  Terms filled = terms;
  for (Term& term : filled) {
    if (!term.present) term = {0.0f, term.b};
  }
  return Right(filled, bias);
}

float Relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }
float ReluLosesNan(float x) { return x > 0.0f ? x : 0.0f; }
float ReluKeepsMinusZero(float x) { return x < 0.0f ? 0.0f : x; }

template <DotAndBias* dot, auto relu = Relu>
void DenseForward(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Terms terms(static_cast<std::size_t>(s.c));
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    const float* const x = buffers.in(0) + i / s.k * s.c;
    const float* w = buffers.in(1) + i % s.k;
    for (Term& term : terms) term = {x[&term - terms.data()], *w}, w += s.k;
    const float sum = dot(terms, buffers.in(2)[i % s.k]);
    buffers.out(0)[i] = s.relu ? relu(sum) : sum;
  }
}

template <DotAndBias* dot>
void DenseDataGradient(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Terms terms(static_cast<std::size_t>(s.k));
  for (std::int64_t i = 0; i < s.n * s.c; ++i) {
    const float* const dy = buffers.in(0) + i / s.c * s.k;
    const float* const w = buffers.in(1) + i % s.c * s.k;
    for (Term& term : terms) term = {dy[&term - terms.data()], w[&term - terms.data()]};
    // -0, not +0: a sum of -0 keeps its sign.
    buffers.out(0)[i] = dot(terms, -0.0f);
  }
}

// Where term (kh, kw, ic) stands in the dot.
using Place = std::int64_t(const conv2d::Shape&, std::int64_t tap, std::int64_t ic);
std::int64_t TapsThenChannels(const conv2d::Shape& s, std::int64_t tap, std::int64_t ic) {
  return tap * s.c + ic;
}
std::int64_t ChannelsThenTaps(const conv2d::Shape& s, std::int64_t tap, std::int64_t ic) {
  return ic * s.r * s.s + tap;
}

template <DotAndBias* dot, Place* place = TapsThenChannels>
void ConvForward(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = conv2d::ShapeOf(id);
  Terms terms(static_cast<std::size_t>(s.r * s.s * s.c));
  for (std::int64_t i = 0; i < s.n * s.oh * s.ow * s.k; ++i) {
    const std::int64_t oc = i % s.k, ow = i / s.k % s.ow, oh = i / (s.k * s.ow) % s.oh;
    const std::int64_t n = i / (s.k * s.ow * s.oh);
    for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + tap / s.s * s.dilation_h;
      const std::int64_t iw = ow * s.stride_w - s.pad_left + tap % s.s * s.dilation_w;
      const bool present = ih >= 0 && ih < s.h && iw >= 0 && iw < s.w;
      for (std::int64_t ic = 0; ic < s.c; ++ic) {
        const float x = present ? buffers.in(0)[((n * s.h + ih) * s.w + iw) * s.c + ic] : 0.0f;
        terms[static_cast<std::size_t>(place(s, tap, ic))] = {
            x, buffers.in(1)[(tap * s.c + ic) * s.k + oc], present};
      }
    }
    const float sum = dot(terms, buffers.in(2)[oc]);
    buffers.out(0)[i] = s.relu ? Relu(sum) : sum;
  }
}

// A path of its own for one sample, with an order of its own.
void OneSampleReversed(const Case& id, const Buffers& buffers, Team& team) {
  (id.Get("n") == 1 ? DenseForward<Reversed> : DenseForward<Right>)(id, buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;
using dense::kDataGradient;

constexpr BrokenKernel kBroken[] = {
    {{&dense::kForward, "reversed", &kCpu, kAll, DenseForward<Reversed>}},
    {{&dense::kForward, "fma_dropped", &kCpu, kAll, DenseForward<FmaDropped>}},
    {{&dense::kForward, "chain_of_257", &kCpu, kAll, DenseForward<ChainTooLong>}},
    {{&dense::kForward, "chain_of_255", &kCpu, kAll, DenseForward<ChainTooShort>}},
    {{&dense::kForward, "segment_of_15_chains", &kCpu, kAll, DenseForward<SegmentTooShort>}},
    {{&dense::kForward, "segments_left_to_right", &kCpu, kAll, DenseForward<FoldInsteadOfTree>}},
    {{&dense::kForward, "tree_of_chains", &kCpu, kAll, DenseForward<TreeOfChains>}},
    {{&dense::kForward, "one_chain", &kCpu, kAll, DenseForward<OneChain>}},
    {{&dense::kForward, "split_k", &kCpu, kAll, DenseForward<SplitK>}},
    {{&dense::kForward, "eight_partial_sums", &kCpu, kAll, DenseForward<EightPartialSums>}},
    {{&dense::kForward, "double_precision", &kCpu, kAll, DenseForward<DoublePrecision>}},
    {{&dense::kForward, "tensor_float_32", &kCpu, kAll, DenseForward<TensorFloat32>}},
    {{&dense::kForward, "final_zero_dropped", &kCpu, kAll, DenseForward<FinalZeroDropped>}},
    {{&dense::kForward, "bias_first", &kCpu, kAll, DenseForward<BiasFirst>}},
    {{&dense::kForward, "bias_before_tree", &kCpu, kAll, DenseForward<BiasBeforeTree>}},
    {{&dense::kForward, "relu_loses_nan", &kCpu, kAll, DenseForward<Right, ReluLosesNan>}},
    {{&dense::kForward, "one_sample_reversed", &kCpu, kAll, OneSampleReversed}, "batch", 1},
    {{&kDataGradient, "fma_dropped", &kCpu, kAll, DenseDataGradient<FmaDropped>}},
    {{&kDataGradient, "reversed", &kCpu, kAll, DenseDataGradient<Reversed>}},
    {{&kDataGradient, "one_chain", &kCpu, kAll, DenseDataGradient<OneChain>}},
    {{&kDataGradient, "segments_left_to_right", &kCpu, kAll, DenseDataGradient<FoldInsteadOfTree>}},
    {{&kDataGradient, "final_zero_dropped", &kCpu, kAll, DenseDataGradient<FinalZeroDropped>}},

    {{&conv2d::kForward, "terms_swapped", &kCpu, kAll, ConvForward<Right, ChannelsThenTaps>}},
    {{&conv2d::kForward, "fma_dropped", &kCpu, kAll, ConvForward<FmaDropped>}},
    {{&conv2d::kForward, "one_chain", &kCpu, kAll, ConvForward<OneChain>}},
    {{&conv2d::kForward, "chain_of_257", &kCpu, kAll, ConvForward<ChainTooLong>}},
    {{&conv2d::kForward, "segment_of_15_chains", &kCpu, kAll, ConvForward<SegmentTooShort>}},
    {{&conv2d::kForward, "segments_left_to_right", &kCpu, kAll, ConvForward<FoldInsteadOfTree>}},
    {{&conv2d::kForward, "final_zero_dropped", &kCpu, kAll, ConvForward<FinalZeroDropped>}},
    {{&conv2d::kForward, "bias_first", &kCpu, kAll, ConvForward<BiasFirst>}},
    {{&conv2d::kForward, "absent_moves_borders", &kCpu, kAll, ConvForward<AbsentMovesBorders>}},
    {{&conv2d::kForward, "absent_as_zero", &kCpu, kAll, ConvForward<AbsentAsZero>}},
};

constexpr Kernel kSound[] = {
    {&dense::kForward, "sound", &kCpu, kAll, DenseForward<Right>},
    {&dense::kDataGradient, "sound", &kCpu, kAll, DenseDataGradient<Right>},
    {&conv2d::kForward, "sound", &kCpu, kAll, ConvForward<Right>},
    // No mistake: a dot is never -0, so neither is its sum with a bias.
    {&dense::kForward, "relu_keeps_minus_zero", &kCpu, kAll,
     DenseForward<Right, ReluKeepsMinusZero>},
};

}  // namespace

std::span<const BrokenKernel> BrokenDots() { return kBroken; }
std::span<const Kernel> SoundDots() { return kSound; }

}  // namespace samebits
