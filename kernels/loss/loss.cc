#include "kernels/loss/loss.h"

#include <bit>

#include <fmt/format.h>

#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits::loss {

Shape ShapeOf(const Case& c) {
  Shape s{};
  s.n = c.Get("n"), s.c = c.Get("c"), s.leaves = c.Get("v", kLeaves);
  const std::int64_t batch = c.Get("of", s.n);
  s.elements = static_cast<float>(batch * s.c), s.is_part = c.Get("of", 0) > 0;
  if (s.n < 1 || batch < s.n || s.c < 1 ||
      !std::has_single_bit(static_cast<std::uint64_t>(s.leaves))) {
    throw UserError(
        fmt::format("case '{}': not a loss: an extent is below 1, the leaves are no power of two, "
                    "or the batch is "
                    "smaller than its part",
                    c.id()));
  }
  return s;
}

namespace {

using enum DType;

Signature MeanSquaredErrorSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"y", kFloat32, {s.n, s.c}}, {"t", kFloat32, {s.n, s.c}}},
          {{"loss", kFloat32, {1}}, {"dy", kFloat32, {s.n, s.c}}}};
}

Signature BinaryCrossEntropySignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"x", kFloat32, {s.n, s.c}}, {"t", kFloat32, {s.n, s.c}}},
          {{"loss", kFloat32, {1}}, {"dx", kFloat32, {s.n, s.c}}}};
}

// The logits follow the case's word; the targets are 0 or 1.
void FillBinary(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  if (tensor.name == "x") return;
  auto* values = reinterpret_cast<float*>(data);
  const auto elements = static_cast<std::size_t>(tensor.Elements());
  for (std::size_t i = 0; i < elements; ++i) {
    values[i] = static_cast<float>(InputWord(c.Seed(), static_cast<std::uint64_t>(index), i) & 1);
  }
}

// Both sides of the lanes (16) and of a partial (4,096), within a sample and among a leaf's
// samples; 2, 3 and 5 partials; leaves with none, one and many samples.
constexpr std::string_view kSquareCases[] = {
    "n1c1",
    "n9c5_cancel",
    "n7c15_cancel",
    "n16c16_v1",
    "n17c17_v1_cancel",
    "n15c3_v1_cancel",
    "n130c10",
    "n3c4095_cancel",
    "n8c4096",
    "n2c4097_cancel",
    "n5c8193_cancel",
    "n1c18000",
    "n4095c1_v1_cancel",
    "n4096c2_v1",
    "n4097c1_v1_cancel",
    "n18000c2_v1",
    "n33000c2_cancel",
    "n11c40_v16_zeros",
    "n17c19_subnormal",
    "n12c300_v2_nonfinite",
    "n21c30_bits",
    "n23c3v4of61_cancel",
};
constexpr std::string_view kBinaryCases[] = {
    "n1c1",
    "n9c5_logits",
    "n64c1_logits",
    "n7c15_logits",
    "n16c16_v1_logits",
    "n17c17_v1_cancel",
    "n130c10",
    "n3c4095_logits",
    "n8c4096",
    "n2c4097_cancel",
    "n5c8193_logits",
    "n1c18000",
    "n4095c1_v1_logits",
    "n4096c2_v1",
    "n4097c1_v1_logits",
    "n18000c1_v1_logits",
    "n33000c2_logits",
    "n11c40_v16_zeros",
    "n17c19_subnormal",
    "n12c300_v2_nonfinite",
    "n21c30_bits",
    "n23c3v4of61_logits",
};

}  // namespace

const Op kMeanSquaredError{
    .name = "mse_v1",
    .order =
        "d = y - t; row sums of d * d, then per leaf, tree over leaves, / elements; dy = "
        "(2 * d) / elements",
    .cases = kSquareCases,
    .timed_cases = {},
    .signature = MeanSquaredErrorSignature,
    .fill = nullptr,
    .flops = nullptr,
};

const Op kBinaryCrossEntropy{
    .name = "binary_xent_v1",
    .order =
        "(max(x, 0) - x * t) + log(1 + exp(-abs(x))), summed as mse_v1; dx = (1 / (1 + "
        "exp(-x)) - t) / elements",
    .cases = kBinaryCases,
    .timed_cases = {},
    .signature = BinaryCrossEntropySignature,
    .fill = FillBinary,
    .flops = nullptr,
};

}  // namespace samebits::loss
