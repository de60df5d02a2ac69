#include "kernels/all_reduce/all_reduce.h"

#include <bit>

#include <fmt/format.h>

#include "kernels/core/contract.h"
#include "kernels/core/error.h"

namespace samebits::all_reduce {

Shape ShapeOf(const Case& c) {
  const Shape s{c.Get("n"), c.Get("c")};
  if (s.n < 1 || s.c < 1 || !std::has_single_bit(static_cast<std::uint64_t>(s.n)) ||
      c.Get("v", kLeaves) != s.n) {
    throw UserError(fmt::format(
        "case '{}': not an all-reduce: an extent is below 1, or n is no power of two or not v",
        c.id()));
  }
  return s;
}

namespace {

Signature SignatureOf(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"x", DType::kFloat32, {s.n, s.c}}}, {{"y", DType::kFloat32, {s.c}}}};
}

// Both sides of the vectors (16) and of a block (1,024); one leaf, few and many.
constexpr std::string_view kCases[] = {
    "n8c1",
    "n8c17_cancel",
    "n1c5v1_cancel",
    "n2c15v2_cancel",
    "n4c1023v4",
    "n8c1025_cancel",
    "n16c33v16_cancel",
    "n64c130v64",
    "n1024c3v1024",
    "n8c4096_cancel",
    "n8c33001_cancel",
    "n8c1000_zeros",
    "n8c19_subnormal",
    "n8c300_nonfinite",
    "n32c70v32_bits",
};

}  // namespace

const Op kAllReduce{
    .name = "all_reduce_v1",
    .order = "tree over the leaves",
    .cases = kCases,
    .timed_cases = {},
    .signature = SignatureOf,
    .fill = nullptr,
    .flops = nullptr,
    .sums_leaves = true,
};

}  // namespace samebits::all_reduce
