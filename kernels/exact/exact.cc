#include "kernels/exact/exact.h"

#include <array>
#include <bit>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits::exact {

Shape ShapeOf(const Case& c) {
  constexpr std::int64_t kMostTerms = 131072;
  const Shape s{c.Get("n"), c.Get("c"), c.Get("k")};
  if (s.n < 1 || s.c < 1 || s.k < 1 || s.c > kMostTerms) {
    throw UserError(
        fmt::format("case '{}': an extent is below 1, or c above {}", c.id(), kMostTerms));
  }
  return s;
}

namespace {

using enum DType;

Signature SignatureOf(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"x", kFloat32, {s.n, s.c}}, {"w", kFloat32, {s.c, s.k}}},
          {{"y", kFloat32, {s.n, s.k}}}};
}

double Flops(const Case& c) {
  const Shape s = ShapeOf(c);
  return 2.0 * static_cast<double>(s.n) * static_cast<double>(s.c) * static_cast<double>(s.k);
}

// Lines whose largest magnitudes lie where the unit changes: from a unit and a half below 8,355,711
// units to as much above, in steps of half a unit, times any power of two. The others lie halfway
// between units or near that, where ties to even, ties away, cutting and rounding twice part.
float Border(std::uint32_t word, std::uint32_t line) {
  const std::uint32_t halves = 2 * kLargest - 3 + (word >> 5) % (line % 7 + 1);
  const bool large = (word & 8) != 0;
  const int power = static_cast<int>(line * 37 % 61) - 60 - static_cast<int>(large ? 0 : word % 4);
  const float value = std::ldexp(static_cast<float>(large ? halves : word >> 9 | 1), power);
  return (word & 16) != 0 ? -value : value;
}

// The largest sums: digits that are all 127; 127 and -128; and sums that end small, behind the
// largest.
float Peak(std::uint32_t word, std::uint32_t line, bool second_half) {
  if (line % 3 == 0) return static_cast<float>(kLargest);
  if (line % 3 == 1) return static_cast<float>(kLargest - 65535);
  const auto value = static_cast<float>(kLargest - word % 256);
  return second_half ? -value : value;
}

// `border` and `peaks`: as above. Setting `range`: values times 2^-j, j up to it.
void Fill(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  const std::int64_t range = c.Get("range", 0);
  const bool border = c.Has("border"), peaks = c.Has("peaks");
  if (range == 0 && !border && !peaks) return;
  const std::span values(reinterpret_cast<float*>(data),
                         static_cast<std::size_t>(tensor.Elements()));
  const auto row = static_cast<std::size_t>(tensor.shape[1]);
  const auto terms = static_cast<std::size_t>(c.Get("c"));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto line = static_cast<std::uint32_t>(index == 0 ? i / row : i % row);
    const std::size_t term = index == 0 ? i % row : i / row;
    const std::uint32_t word =
        InputWord(c.Seed(), static_cast<std::uint64_t>(index) + 2, std::uint64_t{i});
    if (border) values[i] = Border(word, line);
    if (peaks) values[i] = Peak(word, line, 2 * term >= terms);
    if (range != 0) {
      values[i] =
          std::ldexp(values[i], -static_cast<int>(word % static_cast<std::uint32_t>(range + 1)));
    }
  }
}

// Both sides of a slab of tensor cores (32 terms), of the tiles, of what 51 bits hold (32 terms)
// and 53 (128), of a part (16,384), of what 32 bits hold of three products of digits; values that
// are subnormal, vanish, or are no numbers; lines far from each other; results beyond the largest.
constexpr std::string_view kCases[] = {
    "n1c1_k1",
    "n5c257_k19",
    "n9c300_k40_cancel",
    "n13c129_k70_border",
    "n67c33_k9_border",
    "n7c100_k21_subnormal",
    "n6c2_k65_tiny",
    "n9c270_k9_zeros",
    "n6c300_k40_nonfinite",
    "n8c60_k33_range40",
    "n5c31_k18_bits",
    "n1c16400_k3_logits",
    "n3c44500_k1_peaks",
};
constexpr std::string_view kTimed[] = {
    "n256c256_k256", "n1024c1024_k1024", "n64c8192_k16", "n1c1024_k1024", "n3c131072_k3_peaks",
};

}  // namespace

const Op kProduct{
    .name = "dense_exact_v1",
    .order = "integers of 24 bits with a unit a row and a unit a column; any order; one rounding",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = SignatureOf,
    .fill = Fill,
    .flops = Flops,
    .splits_batch = true,
};

}  // namespace samebits::exact
