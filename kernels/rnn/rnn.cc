#include "kernels/rnn/rnn.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits::rnn {
namespace {

using enum DType;

Shape Checked(const Case& c, const char* width) {
  const Shape s{c.Get("n"), c.Get("l"), c.Get(width)};
  if (s.n < 1 || s.l < 1 || s.k < 1) {
    throw UserError(fmt::format("case '{}': no sequences: an extent is below 1", c.id()));
  }
  return s;
}

Tensor Steps(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.l, s.k}}; }
Tensor OfSample(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.k}}; }
Tensor Recurrent(const Shape& s) { return {"u", kFloat32, {s.k, s.k}}; }

Signature ForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{Steps("z", s), Recurrent(s), OfSample("mask", s)},
          {OfSample("y", s), Steps("h", s), Steps("s", s)}};
}

Signature BackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{Steps("h", s), Recurrent(s), OfSample("mask", s), OfSample("dy", s)}, {Steps("dz", s)}};
}

Signature MaskSignature(const Case& c) {
  const Shape s = MaskShapeOf(c);
  return {{Steps("x", s), OfSample("mask", s)}, {Steps("y", s)}};
}

// One step, which sees no state; widths around a vector's; a chain (256) and a segment (4,096) of
// units would be slow for the reference, so of these a step or two; sums that cancel or underflow
// before tanh; what a NaN reaches.
constexpr std::string_view kCases[] = {
    "n1l1k1",          "n3l5k7",          "n64l20k16",   "n9l12k33_zeros",    "n5l9k17_subnormal",
    "n2l3k255_cancel", "n2l2k257_cancel", "n4l6k9_tiny", "n5l7k16_nonfinite", "n3l2k600",
};
constexpr std::string_view kMaskCases[] = {
    "n1l1c1", "n3l5c7", "n64l20c16", "n5l9c33_zeros", "n7l3c17_subnormal", "n5l7c40_nonfinite",
};

}  // namespace

Shape ShapeOf(const Case& c) { return Checked(c, "k"); }

Shape MaskShapeOf(const Case& c) { return Checked(c, "c"); }

const Op kForward{
    .name = "simple_rnn_fwd_v1",
    .order = "step after step: tanh(z + dot over i)",
    .cases = kCases,
    .timed_cases = {},
    .signature = ForwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kBackward{
    .name = "simple_rnn_bwd_v1",
    .order = "from the last step back: mask * dot over j, * (1 - h * h)",
    .cases = kCases,
    .timed_cases = {},
    .signature = BackwardSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kStepMask{
    .name = "step_mask_v1",
    .order = "x * mask",
    .cases = kMaskCases,
    .timed_cases = {},
    .signature = MaskSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

}  // namespace samebits::rnn
