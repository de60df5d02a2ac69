#include "kernels/softmax/softmax.h"

#include <bit>

#include <fmt/format.h>

#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/terms.h"
#include "kernels/math/exp.h"

namespace samebits::softmax {

Shape ShapeOf(const Case& c) {
  const std::int64_t n = c.Get("n"), batch = c.Get("of", n);
  const Shape s{n, c.Get("c"), c.Get("v", kLeaves), static_cast<float>(batch), c.Get("of", 0) > 0};
  if (s.n < 1 || batch < n || s.c < 1 ||
      !std::has_single_bit(static_cast<std::uint64_t>(s.leaves))) {
    throw UserError(
        fmt::format("case '{}': not a softmax: an extent is below 1, the leaves are no power of "
                    "two, or the batch "
                    "is smaller than its part",
                    c.id()));
  }
  return s;
}

namespace {

using enum DType;

Signature ForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"x", kFloat32, {s.n, s.c}}}, {{"y", kFloat32, {s.n, s.c}}}};
}

Signature BackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"y", kFloat32, {s.n, s.c}}, {"dy", kFloat32, {s.n, s.c}}},
          {{"dx", kFloat32, {s.n, s.c}}}};
}

Signature CrossEntropyForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"x", kFloat32, {s.n, s.c}}, {"labels", kInt32, {s.n}}},
          {{"loss", kFloat32, {1}}, {"y", kFloat32, {s.n, s.c}}}};
}

Signature CrossEntropyBackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"y", kFloat32, {s.n, s.c}}, {"labels", kInt32, {s.n}}}, {{"dx", kFloat32, {s.n, s.c}}}};
}

OutputTerms ForwardTerms(const Case& c, const Buffers& buffers, std::int64_t output) {
  const Shape s = ShapeOf(c);
  const float* const x = buffers.in(0) + output / s.c * s.c;
  float m = x[0];
  for (std::int64_t i = 1; i < s.c; ++i) {
    if (x[i] > m || (x[i] != x[i] && m == m)) m = x[i];
  }
  Terms terms;
  for (std::int64_t i = 0; i < s.c; ++i) terms.push_back({Exp(x[i] - m), 1.0f});
  const auto divide = [e = terms[static_cast<std::size_t>(output % s.c)].a](float sum) {
    return e / sum;
  };
  return {{std::move(terms)}, 0, {}, divide};
}

OutputTerms BackwardTerms(const Case& c, const Buffers& buffers, std::int64_t output) {
  const Shape s = ShapeOf(c);
  const float* const y = buffers.in(0) + output / s.c * s.c;
  const float* const dy = buffers.in(1) + output / s.c * s.c;
  Terms terms;
  for (std::int64_t i = 0; i < s.c; ++i) terms.push_back({dy[i], y[i]});
  const Term own = terms[static_cast<std::size_t>(output % s.c)];
  return {{std::move(terms)}, 0, {}, [own](float sum) { return own.b * (own.a - sum); }};
}

void Fill(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  if (tensor.type != kInt32) return;
  FillLabels(c, index, ShapeOf(c).c,
             {reinterpret_cast<std::int32_t*>(data), static_cast<std::size_t>(tensor.Elements())});
}

// Fewer classes than lanes, both sides of the lanes (16) and of a partial (4,096); 2, 3
// and 5 partials.
constexpr std::string_view kCases[] = {
    "n1c1",           "n5c7_logits",     "n64c10_logits",  "n9c15_logits",     "n31c16_logits",
    "n70c17_logits",  "n3c1000_cancel",  "n3c4095_logits", "n8c4096",          "n2c4097_cancel",
    "n2c8193_logits", "n5c18000_logits", "n13c11_zeros",   "n17c19_subnormal", "n40c23_nonfinite",
    "n30c21_bits",    "n7c300_logits",
};
// Likewise; and leaves with none, one and many samples.
constexpr std::string_view kCrossEntropyCases[] = {
    "n1c1",           "n64c10_logits",    "n5c2_cancel",      "n9c15_logits",
    "n31c16_logits",  "n70c17_logits",    "n7c300_logits",    "n3c1000_logits",
    "n8c4096_logits", "n2c4097",          "n3c9000_logits",   "n33000c2",
    "n13c11_zeros",   "n17c19_subnormal", "n40c23_nonfinite", "n23c10v4of61_logits",
};

constexpr std::string_view kTimed[] = {"n64c10_logits", "n64c1000_logits", "n4096c1000_logits"};

}  // namespace

const Op kForward{
    .name = "softmax_fwd_v1",
    .order = "exp(x - max), row sum, divide",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = ForwardTerms,
    .splits_batch = true,
};

const Op kBackward{
    .name = "softmax_bwd_v1",
    .order = "y * (dy - row sum of dy * y)",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = BackwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = BackwardTerms,
    .splits_batch = true,
};

const Op kCrossEntropyForward{
    .name = "softmax_xent_fwd_v1",
    .order = "exp(x - max), row sum, divide; loss by row sums per leaf, tree over leaves, / n",
    .cases = kCrossEntropyCases,
    .timed_cases = {},
    .signature = CrossEntropyForwardSignature,
    .fill = Fill,
    .flops = nullptr,
};

const Op kCrossEntropyBackward{
    .name = "softmax_xent_bwd_v1",
    .order = "(y - onehot) / n",
    .cases = kCrossEntropyCases,
    .timed_cases = {},
    .signature = CrossEntropyBackwardSignature,
    .fill = Fill,
    .flops = nullptr,
};

}  // namespace samebits::softmax
