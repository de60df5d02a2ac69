#include "kernels/pool2d/pool2d.h"

#include <fmt/format.h>

#include "kernels/convert/stored.h"
#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/terms.h"

namespace samebits::pool2d {

Shape ShapeOf(const Case& c) {
  Shape s{};
  s.n = c.Get("n"), s.h = c.Get("h"), s.w = c.Get("w"), s.c = c.Get("c");
  s.r = c.Get("r", s.h), s.s = c.Get("s", s.w);
  s.stride = c.Get("t", s.r), s.pad = c.Get("p", 0);
  const bool positive = s.n > 0 && s.h > 0 && s.w > 0 && s.c > 0 && s.stride > 0;
  // pad < window: the first and the last window hold a real tap.
  if (!positive || s.pad >= s.r || s.pad >= s.s || s.h + 2 * s.pad < s.r || s.w + 2 * s.pad < s.s) {
    throw UserError(
        fmt::format("case '{}': not a pooling: an extent is below 1, the window does "
                    "not fit, or the padding is as wide as the window",
                    c.id()));
  }
  s.oh = (s.h + 2 * s.pad - s.r) / s.stride + 1;
  s.ow = (s.w + 2 * s.pad - s.s) / s.stride + 1;
  return s;
}

Shape ArgmaxShapeOf(const Case& c) {
  const Shape s = ShapeOf(c);
  if (s.r * s.s <= 255) return s;
  throw UserError(
      fmt::format("case '{}': the window has {} taps, a byte numbers 255", c.id(), s.r * s.s));
}

namespace {

using enum DType;

Tensor Input(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.h, s.w, s.c}}; }
Tensor Output(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.oh, s.ow, s.c}}; }
Tensor Channels(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.c}}; }

Signature ForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Input("x", s)}, {Output("y", s)}});
}

Signature MaxBackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Input("x", s), Output("dy", s)}, {Input("dx", s)}});
}

Signature ArgmaxForwardSignature(const Case& c) {
  const Shape s = ArgmaxShapeOf(c);
  return convert::Stored(
      c, {{Input("x", s)}, {Output("y", s), {"argmax", kUint8, {s.n, s.oh, s.ow, s.c}}}});
}

Signature ArgmaxBackwardSignature(const Case& c) {
  const Shape s = ArgmaxShapeOf(c);
  return convert::Stored(
      c, {{{"argmax", kUint8, {s.n, s.oh, s.ow, s.c}}, Output("dy", s)}, {Input("dx", s)}});
}

// Any tap of a window, and none.
void FillArgmax(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  if (tensor.type != kUint8) return;
  const Shape s = ArgmaxShapeOf(c);
  FillBytes(c, index, s.r * s.s + 1,
            {reinterpret_cast<std::uint8_t*>(data), static_cast<std::size_t>(tensor.Elements())});
}

Signature AverageBackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Output("dy", s)}, {Input("dx", s)}});
}

Signature GlobalAverageForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Input("x", s)}, {Channels("y", s)}});
}

Signature GlobalAverageBackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return convert::Stored(c, {{Channels("dy", s)}, {Input("dx", s)}});
}

// The terms of a window: channel c of x[n] at each tap, absent where it is padded.
OutputTerms WindowTerms(const Shape& s, const Buffers& buffers, std::int64_t output) {
  const std::int64_t c = output % s.c, ow = output / s.c % s.ow, oh = output / s.c / s.ow % s.oh;
  const std::int64_t n = output / s.c / s.ow / s.oh;
  Terms taps;
  std::int64_t real = 0;
  for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
    const std::int64_t ih = oh * s.stride - s.pad + tap / s.s;
    const std::int64_t iw = ow * s.stride - s.pad + tap % s.s;
    const bool present = ih >= 0 && ih < s.h && iw >= 0 && iw < s.w;
    const float x = present ? buffers.in(0)[((n * s.h + ih) * s.w + iw) * s.c + c] : 0.0f;
    taps.push_back({x, 1.0f, present});
    real += present;
  }
  const auto divide = [count = static_cast<float>(real)](float sum) { return sum / count; };
  return {{std::move(taps)}, kChain, {}, divide};
}

// The defaults of a shape's window are the whole image, as global pooling has it.
OutputTerms AverageTerms(const Case& c, const Buffers& buffers, std::int64_t output) {
  return WindowTerms(ShapeOf(c), buffers, output);
}

// Windows that overlap, leave gaps, are padded, are not square, and miss the last rows or columns.
// In 16 bits: ties, sums that are subnormal when they are rounded, NaNs with payloads.
constexpr std::string_view kMaxCases[] = {
    "n1h1w1c1_r1s1",
    "n2h7w9c5_r3s3t2p1",
    "n2h7w9c13_r2s2_zeros",
    "n2h6w6c32_r2s2",
    "n2h5w6c17_r3s2t1_zeros",
    "n3h6w6c40_r2s2_nonfinite",
    "n2h8w7c9_r3s3t1p1_nonfinite",
    "n1h9w9c33_r2s2_subnormal",
    "n2h9w10c8_r4s4t1p2_cancel",
    "n2h9w8c11_r2s3t4",
    "n1h12w11c3_r5s4t3p2_zeros",
    "n2h7w9c5_r3s3t2p1_zeros_bfloat16",
    "n3h6w6c24_r2s2_nonfinite_float16",
    "n2h9w10c8_r4s4t1p2_cancel_float16",
    "n1h7w7c17_r3s3t1_subnormal_float16",
};
// As for the maximum; and windows on both sides of a chain (256) and of a segment (4,096), whole
// and with padded taps that keep their place; 5 segments.
constexpr std::string_view kAverageCases[] = {
    "n1h1w1c1_r1s1",
    "n2h5w4c3_r3s2t1p1_cancel",
    "n2h7w9c5_r3s3t2p1_nonfinite",
    "n2h6w6c32_r2s2",
    "n3h6w6c40_r2s2_subnormal",
    "n2h9w10c9_r4s4t1p2_cancel",
    "n2h9w8c11_r2s3t4_zeros",
    "n1h12w11c35_r5s4t3p2_zeros",
    "n2h20w19c7_r15s17t2_cancel",
    "n1h19w18c9_r16s16t2_cancel",
    "n2h1w260c8_r1s257t3_cancel",
    "n1h12w13c33_r17s17t3p8_cancel",
    "n1h63w66c3_r63s65t1_cancel",
    "n1h65w64c2_r64s64t1_cancel",
    "n1h1w4100c9_r1s4097t2_cancel",
    "n1h40w37c3_r67s70t5p25_cancel",
    "n1h130w133c2_r130s133_cancel",
    "n2h6w6c32_r2s2_float16",
    "n2h7w9c5_r3s3t2p1_nonfinite_bfloat16",
    "n2h9w10c9_r4s4t1p2_cancel_bfloat16",
    "n3h6w6c24_r2s2_subnormal_float16",
};
constexpr std::string_view kGlobalCases[] = {
    "n1h1w1c1",
    "n5h3w3c14_nonfinite",
    "n64h4w4c32",
    "n2h15w17c5_cancel",
    "n2h16w16c33_cancel",
    "n2h1w257c7_cancel",
    "n1h64w65c3_cancel",
    "n1h4097w1c2_cancel",
    "n3h5w5c9_subnormal",
    "n3h3w3c11_zeros",
    "n3h1w2c33_tiny",
    "n2h3w3c259_cancel",
    "n5h3w3c14_nonfinite_bfloat16",
    "n2h16w17c9_cancel_float16",
    "n3h5w5c9_subnormal_float16",
};

// The recipe's layers, and those of common networks.
constexpr std::string_view kMaxTimed[] = {
    "n64h30w30c32_r2s2",
    "n64h13w13c32_r2s2",
    "n32h56w56c64_r3s3t2p1",
};
constexpr std::string_view kAverageTimed[] = {"n64h30w30c32_r2s2", "n32h28w28c128_r3s3t1p1"};
constexpr std::string_view kGlobalTimed[] = {"n64h4w4c32", "n64h7w7c512"};

}  // namespace

const Op kMaxForward{
    .name = "maxpool2d_fwd_v1",
    .order = "first real tap in (kh, kw), replaced by a greater one or by the first NaN",
    .cases = kMaxCases,
    .timed_cases = kMaxTimed,
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kMaxBackward{
    .name = "maxpool2d_bwd_v1",
    .order = "+0, then + dy at the place of each window's maximum, windows in (oh, ow) order",
    .cases = kMaxCases,
    .timed_cases = kMaxTimed,
    .signature = MaxBackwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kMaxArgmaxForward{
    .name = "maxpool2d_argmax_fwd_v1",
    .order =
        "first real tap in (kh, kw), replaced by a greater one or by the first NaN; its number",
    .cases = kMaxCases,
    .timed_cases = kMaxTimed,
    .signature = ArgmaxForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kMaxArgmaxBackward{
    .name = "maxpool2d_argmax_bwd_v1",
    .order = "+0, then + dy at the tap of that number, windows in (oh, ow) order",
    .cases = kMaxCases,
    .timed_cases = kMaxTimed,
    .signature = ArgmaxBackwardSignature,
    .fill = FillArgmax,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kAverageForward{
    .name = "avgpool2d_fwd_v1",
    .order = "channel sum over (kh, kw), padded taps absent; one division by f32(real taps)",
    .cases = kAverageCases,
    .timed_cases = kAverageTimed,
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = AverageTerms,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kAverageBackward{
    .name = "avgpool2d_bwd_v1",
    .order = "+0, then + dy / f32(real taps) at every real tap, windows in (oh, ow) order",
    .cases = kAverageCases,
    .timed_cases = kAverageTimed,
    .signature = AverageBackwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kGlobalAverageForward{
    .name = "global_avgpool_fwd_v1",
    .order = "channel sum over (h, w), one division by f32(h*w)",
    .cases = kGlobalCases,
    .timed_cases = kGlobalTimed,
    .signature = GlobalAverageForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .terms = AverageTerms,
    .splits_batch = true,
    .may_be_stored = true,
};

const Op kGlobalAverageBackward{
    .name = "global_avgpool_bwd_v1",
    .order = "dy / f32(h*w)",
    .cases = kGlobalCases,
    .timed_cases = kGlobalTimed,
    .signature = GlobalAverageBackwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
    .may_be_stored = true,
};

}  // namespace samebits::pool2d
