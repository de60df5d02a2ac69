#include "kernels/convert/convert.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits::convert {

Shape ShapeOf(const Case& c) {
  const std::int64_t up = c.Get("up", 0), down = c.Get("down", 0);
  const std::int64_t bfloat = c.Get("bfloat", 0), binary = c.Get("float", 0);
  const Shape s{c.Get("n"), bfloat == 16,
                static_cast<float>(std::ldexp(1.0, static_cast<int>(up - down)))};
  if (s.n < 1 || bfloat + binary != 16 || (bfloat != 0 && binary != 0) || up > 24 || down > 24) {
    throw UserError(
        fmt::format("case '{}': no conversion: n is below 1, a scale above 24, or it needs either "
                    "bfloat16 or float16",
                    c.id()));
  }
  return s;
}

namespace {

using enum DType;

Signature NarrowSignature(const Case& c) {
  const std::int64_t n = ShapeOf(c).n;
  return {{{"x", kFloat32, {n}}}, {{"y", kUint16, {n}}}};
}

Signature WidenSignature(const Case& c) {
  const std::int64_t n = ShapeOf(c).n;
  return {{{"x", kUint16, {n}}}, {{"y", kFloat32, {n}}}};
}

// Every pattern of 16 bits alike.
void FillPatterns(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  auto* const words = reinterpret_cast<std::uint16_t*>(data);
  for (std::int64_t i = 0; i < tensor.Elements(); ++i) {
    words[i] = static_cast<std::uint16_t>(
        InputWord(c.Seed(), static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(i)));
  }
}

// Numbers of every size, those that overflow binary16 and those below its normals among them.
constexpr std::string_view kNarrowCases[] = {
    "n1_bfloat16",
    "n1003_bfloat16_bits",
    "n1001_float16_cancel",
    "n5000_float16_logits",
    "n20011_float16_bits",
    "n999_bfloat16_subnormal",
    "n1000_float16_zeros",
    "n1007_float16_nonfinite",
    "n1007_bfloat16_nonfinite",
    "n4099_bfloat16_cancel",
    "n7_float16",
    "n1009up10_float16_cancel",
};
constexpr std::string_view kWidenCases[] = {
    "n1_bfloat16",    "n1003_float16", "n20011_bfloat16",
    "n20011_float16", "n7_float16",    "n1009down10_float16",
};

}  // namespace

const Op kNarrow{
    .name = "narrow_v1",
    .order = "nearest, ties to even",
    .cases = kNarrowCases,
    .timed_cases = {},
    .signature = NarrowSignature,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kWiden{
    .name = "widen_v1",
    .order = "exact",
    .cases = kWidenCases,
    .timed_cases = {},
    .signature = WidenSignature,
    .fill = FillPatterns,
    .flops = nullptr,
    .splits_batch = true,
};

}  // namespace samebits::convert
