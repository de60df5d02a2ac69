#include "kernels/dense/dense.h"

#include <bit>

#include <fmt/format.h>

#include "kernels/conv2d/terms.h"
#include "kernels/convert/stored.h"
#include "kernels/core/contract.h"
#include "kernels/core/error.h"

namespace samebits::dense {

conv2d::Shape ShapeOf(const Case& c) {
  const conv2d::Shape s{.n = c.Get("n"),
                        .h = 1,
                        .w = 1,
                        .c = c.Get("c"),
                        .k = c.Get("k"),
                        .r = 1,
                        .s = 1,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .pad_top = 0,
                        .pad_left = 0,
                        .oh = 1,
                        .ow = 1,
                        .leaves = c.Get("v", kLeaves),
                        .relu = c.Has("relu")};
  if (s.n < 1 || s.c < 1 || s.k < 1 || !std::has_single_bit(static_cast<std::uint64_t>(s.leaves))) {
    throw UserError(fmt::format(
        "case '{}': not a dense layer: an extent is below 1 or the leaves are no power of two",
        c.id()));
  }
  return s;
}

namespace {

using enum DType;

Tensor Input(const char* name, const conv2d::Shape& s) { return {name, kFloat32, {s.n, s.c}}; }
Tensor Output(const char* name, const conv2d::Shape& s) { return {name, kFloat32, {s.n, s.k}}; }
Tensor Weights(const char* name, const conv2d::Shape& s) { return {name, kFloat32, {s.c, s.k}}; }
Tensor Bias(const char* name, const conv2d::Shape& s) { return {name, kFloat32, {s.k}}; }

Signature ForwardSignature(const Case& c) {
  const conv2d::Shape s = ShapeOf(c);
  return convert::Stored(c, {{Input("x", s), Weights("w", s), Bias("b", s)}, {Output("y", s)}});
}

Signature DataGradientSignature(const Case& c) {
  const conv2d::Shape s = ShapeOf(c);
  return convert::Stored(c, {{Output("dy", s), Weights("w", s)}, {Input("dx", s)}});
}

Signature WeightGradientSignature(const Case& c) {
  const conv2d::Shape s = ShapeOf(c);
  return convert::WithStoredInputs(c, {{Input("x", s), Output("dy", s)}, {Weights("dw", s)}});
}

Signature BiasGradientSignature(const Case& c) {
  const conv2d::Shape s = ShapeOf(c);
  return convert::WithStoredInputs(c, {{Output("dy", s)}, {Bias("db", s)}});
}

double Flops(const Case& c) {
  const conv2d::Shape s = ShapeOf(c);
  return 2.0 * static_cast<double>(s.n) * static_cast<double>(s.c) * static_cast<double>(s.k);
}

// Both sides of a chain (256) and of a segment (4,096); 2, 3 and 5 segments (the tree is another
// order than a fold from 4 on); tails of every tile; few rows and whole panels or wide rows of
// weights, rows 4 KiB apart; sums that are subnormal or underflow to -0. In 16
// bits: ties, sums that overflow or are subnormal when they are rounded, NaNs with payloads.
constexpr std::string_view kCases[] = {
    "n1c1_k1",
    "n7c255_k17_cancel",
    "n64c64_k10",
    "n64c32_k64_relu",
    "n6c256_k16_cancel",
    "n5c257_k15_cancel",
    "n3c4095_k5_cancel",
    "n2c4096_k33_cancel",
    "n3c4097_k5_cancel",
    "n2c8193_k3_cancel",
    "n1c20000_k2_cancel",
    "n13c300_k21_subnormal",
    "n9c270_k9_zeros",
    "n6c300_k40_nonfinite",
    "n6c300_k40_relu_nonfinite",
    "n6c2_k65_tiny",
    "n3c300_k64_cancel",
    "n8c600_k128_relu_cancel",
    "n25c1024_k136_cancel",
    "n3c4200_k288_relu_cancel",
    "n9c300_k530_cancel",
    "n8c1_k64_bfloat16",
    "n7c255_k17_cancel_float16",
    "n5c257_k15_relu_cancel_bfloat16",
    "n9c30_k21_subnormal_float16",
    "n6c300_k40_nonfinite_float16",
    "n3c4097_k5_cancel_float16",
    "n6c2_k65_tiny_float16",
};
constexpr std::string_view kGradientCases[] = {
    "n1c1_k1",
    "n7c5_k255_cancel",
    "n64c32_k64",
    "n64c64_k10",
    "n6c16_k257_cancel",
    "n300c7_k9_v1_cancel",
    "n2100c3_k17_cancel",
    "n4097c2_k5_v1_cancel",
    "n9000c2_k3_v1_cancel",
    "n3c5_k4097_cancel",
    "n70c13_k21_subnormal",
    "n9c27_k19_zeros",
    "n65c30_k40_nonfinite",
    "n33c300_k70_cancel",
    "n2c5_k20000_cancel",
    "n20000c2_k3_v1_cancel",
    "n1c65_k2_v1_tiny",
    "n2c2_k33_v1_tiny",
    "n9c64_k1_bfloat16",
    "n7c5_k255_cancel_float16",
    "n20c13_k21_subnormal_float16",
    "n65c30_k40_nonfinite_bfloat16",
    "n300c7_k9_v1_cancel_float16",
};
// Squares, layers of the recipe, skinny products: few rows, few columns, long sums.
constexpr std::string_view kTimed[] = {
    "n64c32_k64",       "n64c64_k10",      "n256c256_k256",    "n1024c1024_k1024",
    "n2048c2048_k2048", "n512c1024_k1024", "n64c8192_k16",     "n16c65536_k16",
    "n1c1024_k1024",    "n8c1600_k128",    "n4096c4096_k4096", "n8192c8192_k8192",
};
constexpr std::string_view kGradientTimed[] = {"n64c32_k64", "n64c64_k10", "n512c1024_k1024"};
constexpr std::string_view kBiasGradientTimed[] = {"n512c1024_k1024"};

}  // namespace

const Op kForward{
    .name = "dense_fwd_v1",
    .order = "dot over i; + bias; relu",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = conv2d::TermsOf<ShapeOf, conv2d::ForwardTerms>,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kDataGradient{
    .name = "dense_dgrad_v1",
    .order = "dot over o",
    .cases = kGradientCases,
    .timed_cases = kGradientTimed,
    .signature = DataGradientSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = conv2d::TermsOf<ShapeOf, conv2d::DataGradientTerms>,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kWeightGradient{
    .name = "dense_wgrad_v1",
    .order = "per leaf, dot over samples; tree over leaves",
    .cases = kGradientCases,
    .timed_cases = kGradientTimed,
    .signature = WeightGradientSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = conv2d::TermsOf<ShapeOf, conv2d::WeightGradientTerms>,
    .sums_leaves = true,
    .may_be_stored = true,
};

const Op kBiasGradient{
    .name = "dense_bgrad_v1",
    .order = "per leaf, channel sum over samples; tree over leaves",
    .cases = kGradientCases,
    .timed_cases = kBiasGradientTimed,
    .signature = BiasGradientSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = conv2d::TermsOf<ShapeOf, conv2d::BiasGradientTerms>,
    .sums_leaves = true,
    .may_be_stored = true,
};

}  // namespace samebits::dense
