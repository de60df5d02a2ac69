#include "kernels/conv2d/conv2d.h"

#include <bit>

#include <fmt/format.h>

#include "kernels/conv2d/terms.h"
#include "kernels/convert/stored.h"
#include "kernels/core/contract.h"
#include "kernels/core/error.h"

namespace samebits::conv2d {

Shape ShapeOf(const Case& c) {
  Shape s{};
  s.n = c.Get("n"), s.h = c.Get("h"), s.w = c.Get("w"), s.c = c.Get("c");
  s.k = c.Get("k"), s.r = c.Get("r"), s.s = c.Get("s");
  const std::int64_t stride = c.Get("t", 1), dilation = c.Get("d", 1);
  s.stride_h = c.Get("th", stride), s.stride_w = c.Get("tw", stride);
  s.dilation_h = c.Get("dh", dilation), s.dilation_w = c.Get("dw", dilation);
  const std::int64_t pad = c.Get("p", 0);
  s.pad_top = c.Get("pt", pad), s.pad_left = c.Get("pl", pad);
  const std::int64_t tall = s.h + s.pad_top + c.Get("pb", pad) - s.dilation_h * (s.r - 1);
  const std::int64_t wide = s.w + s.pad_left + c.Get("pr", pad) - s.dilation_w * (s.s - 1);
  s.leaves = c.Get("v", kLeaves);
  s.relu = c.Has("relu");
  const bool positive = s.n > 0 && s.h > 0 && s.w > 0 && s.c > 0 && s.k > 0 && s.r > 0 && s.s > 0 &&
                        s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 && s.dilation_w > 0;
  if (!positive || tall < 1 || wide < 1 ||
      !std::has_single_bit(static_cast<std::uint64_t>(s.leaves))) {
    throw UserError(
        fmt::format("case '{}': not a convolution: an extent is below 1, the filter "
                    "does not fit, or the leaves are no power of two",
                    c.id()));
  }
  s.oh = (tall - 1) / s.stride_h + 1;
  s.ow = (wide - 1) / s.stride_w + 1;
  return s;
}

namespace {

using enum DType;

Tensor Input(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.h, s.w, s.c}}; }
Tensor Output(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.oh, s.ow, s.k}}; }
Tensor Filter(const char* name, const Shape& s) { return {name, kFloat32, {s.r, s.s, s.c, s.k}}; }
Tensor Bias(const char* name, const Shape& s) { return {name, kFloat32, {s.k}}; }

Signature ForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Input("x", s), Filter("w", s), Bias("b", s)}, {Output("y", s)}});
}

Signature DataGradientSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Output("dy", s), Filter("w", s)}, {Input("dx", s)}});
}

Signature WeightGradientSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::WithStoredInputs(c, {{Input("x", s), Output("dy", s)}, {Filter("dw", s)}});
}

Signature BiasGradientSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::WithStoredInputs(c, {{Output("dy", s)}, {Bias("db", s)}});
}

double Flops(const Case& c) {
  const Shape s = ShapeOf(c);
  return 2.0 * static_cast<double>(s.n * s.oh * s.ow * s.r) * static_cast<double>(s.s * s.c * s.k);
}

// Tails of every tile, terms on both sides of a chain (256) and of a segment (4,096), enough
// segments that their tree is no longer a fold (four or more); wide tiles, strips of a whole chain;
// padding wider than the filter, strides, dilations, filters that are not square; samples fewer
// than leaves, more leaves than usual; sums that are subnormal or underflow to -0. In 16 bits:
// ties, sums that overflow or are subnormal when they are rounded, NaNs with payloads.
constexpr std::string_view kForwardCases[] = {
    "n1h1w1c1_k1r1s1",
    "n2h5w4c3_k5r3s2_relu",
    "n3h6w6c32_k32r3s3_relu",
    "n2h7w9c28_k17r3s3_cancel",
    "n2h7w9c29_k17r3s3p1_subnormal",
    "n1h6w5c113_k19r6s6p4_cancel",
    "n2h6w6c64_k16r3s3p1_zeros",
    "n2h6w6c7_k9r3s3p2_nonfinite",
    "n2h6w6c7_k9r3s3_relu_nonfinite",
    "n1h5w6c255_k8r1s1_cancel",
    "n1h5w6c257_k8r1s1_cancel",
    "n3h8w7c5_k33r2s4pt1pl3_cancel",
    "n1h2w2c4097_k3r1s1_cancel",
    "n1h2w3c20000_k7r1s1_cancel",
    "n3h6w5c37_k64r3s3p1_relu_cancel",
    "n2h9w11c130_k64r1s1_relu_cancel",
    "n3h8w9c70_k33r1s1_nonfinite",
    "n1h5w4c2_k17r1s1_tiny",
    "n2h9w12c5_k18r3s3t2p1_cancel",
    "n1h15w15c3_k8r7s7t2p3_zeros",
    "n2h13w8c11_k9r1s7tw2p3_nonfinite",
    "n1h17w15c12_k33r3s2d3p2_relu_cancel",
    "n2h11w10c31_k20r4s3th3dw2pt2pr1_subnormal",
    "n4h3w5c1_k16r1s1_bfloat16",
    "n3h5w4c29_k17r3s3p1_relu_cancel_float16",
    "n2h5w6c7_k9r3s3_subnormal_float16",
    "n2h6w6c7_k9r3s3p2_nonfinite_bfloat16",
    "n1h2w2c4097_k3r1s1_cancel_bfloat16",
    "n1h2w3c4097_k9r1s1_cancel_float16",
};
constexpr std::string_view kBackwardCases[] = {
    "n1h1w1c1_k1r1s1",
    "n2h5w4c3_k5r3s2",
    "n11h6w6c32_k32r3s3",
    "n2h7w9c17_k29r3s3_cancel",
    "n3h7w9c17_k28r3s3p1_subnormal",
    "n1h6w5c19_k113r6s6p4_cancel",
    "n9h6w6c16_k24r3s3p1_zeros",
    "n2h6w6c9_k7r3s3p2_nonfinite",
    "n9h6w6c7_k9r3s3_nonfinite",
    "n17h20w13c1_k6r3s3_cancel",
    "n4h3w300c2_k5r1s3v1_cancel",
    "n70h16w18c3_k4r3s3v1_cancel",
    "n3h8w7c33_k5r2s4pt1pl3_cancel",
    "n1h2w2c3_k4097r1s1_cancel",
    "n1h2w3c3_k20000r1s1_cancel",
    "n3h6w5c64_k37r3s3p1_cancel",
    "n2h9w11c64_k130r1s1_cancel",
    "n1h1w3c17_k2r1s1v1_tiny",
    "n1h1w2c2_k33r1s1v1_tiny",
    "n9h9w12c5_k18r3s3t2p1_cancel",
    "n8h15w15c3_k8r7s7t2p3_zeros",
    "n3h13w8c11_k9r1s7tw2p3_nonfinite",
    "n2h17w15c12_k33r3s2d3p2_cancel",
    "n10h11w10c7_k20r4s3th3dw2pt2pr1_subnormal",
    "n19h4w5c3_k5r2s2v16_cancel",
    "n3h5w4c16_k1r1s1_bfloat16",
    "n3h5w6c17_k29r3s3_cancel_float16",
    "n9h5w4c5_k6r2s2t2_subnormal_float16",
    "n2h6w6c9_k7r3s3p2_nonfinite_float16",
};
// The recipe's layers, then those of common networks; other filters, strides, padding, dilation.
constexpr std::string_view kTimed[] = {
    "n64h32w32c1_k32r3s3",    "n64h15w15c32_k32r3s3",     "n64h6w6c32_k32r3s3",
    "n32h56w56c64_k64r3s3",   "n32h28w28c128_k128r3s3",   "n32h14w14c256_k256r3s3",
    "n32h28w28c128_k128r1s1", "n64h15w15c32_k32r5s5",     "n8h112w112c3_k64r7s7t2p3",
    "n64h14w14c64_k64r3s3p1", "n64h15w15c32_k32r3s3d2p2",
};
// A network's first layer hands no gradient on.
constexpr std::string_view kDataGradientTimed[] = {
    "n64h15w15c32_k32r3s3",     "n64h6w6c32_k32r3s3",       "n32h56w56c64_k64r3s3",
    "n32h28w28c128_k128r3s3",   "n32h14w14c256_k256r3s3",   "n32h28w28c128_k128r1s1",
    "n64h15w15c32_k32r5s5",     "n16h28w28c32_k64r7s7t2p3", "n64h14w14c64_k64r3s3p1",
    "n64h15w15c32_k32r3s3d2p2",
};
constexpr std::string_view kBiasGradientTimed[] = {"n64h15w15c32_k32r3s3", "n32h56w56c64_k64r3s3"};

}  // namespace

const Op kForward{
    .name = "conv2d_fwd_v1",
    .order = "dot over (kh, kw, ic); + bias; relu",
    .cases = kForwardCases,
    .timed_cases = kTimed,
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = TermsOf<ShapeOf, ForwardTerms>,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kDataGradient{
    .name = "conv2d_dgrad_v1",
    .order = "dot over (kh, kw, oc), filter indices ascending",
    .cases = kBackwardCases,
    .timed_cases = kDataGradientTimed,
    .signature = DataGradientSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = TermsOf<ShapeOf, DataGradientTerms>,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kWeightGradient{
    .name = "conv2d_wgrad_v1",
    .order = "per leaf, dot over rows (n, oh) of OW terms, whole rows to a chain; tree over leaves",
    .cases = kBackwardCases,
    .timed_cases = kTimed,
    .signature = WeightGradientSignature,
    .fill = nullptr,
    .flops = Flops,
    .terms = TermsOf<ShapeOf, WeightGradientTerms>,
    .sums_leaves = true,
    .may_be_stored = true,
};

const Op kBiasGradient{
    .name = "conv2d_bgrad_v1",
    .order = "per leaf, channel sum over rows (n, oh), whole rows to a chain; tree over leaves",
    .cases = kBackwardCases,
    .timed_cases = kBiasGradientTimed,
    .signature = BiasGradientSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = TermsOf<ShapeOf, BiasGradientTerms>,
    .sums_leaves = true,
    .may_be_stored = true,
};

}  // namespace samebits::conv2d
