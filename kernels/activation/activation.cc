#include "kernels/activation/activation.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits::activation {
namespace {

std::vector<std::int64_t> Extent(const Case& c) {
  if (c.Get("n") < 1) throw UserError(fmt::format("case '{}': n is below 1", c.id()));
  return {c.Get("n")};
}

Signature Unary(const Case& c) {
  return {{{"x", DType::kFloat32, Extent(c)}}, {{"y", DType::kFloat32, Extent(c)}}};
}

// A gradient that needs the output alone, not the input.
Signature FromOutput(const Case& c) {
  return {{{"y", DType::kFloat32, Extent(c)}, {"dy", DType::kFloat32, Extent(c)}},
          {{"dx", DType::kFloat32, Extent(c)}}};
}

constexpr std::string_view kReluCases[] = {
    "n1", "n1000_zeros", "n7", "n1001_nonfinite", "n999_subnormal", "n4099_bits",
};
constexpr std::string_view kSigmoidCases[] = {
    "n1",           "n9_logits",       "n1003",
    "n5000_logits", "n1001_cancel",    "n999_subnormal",
    "n1000_zeros",  "n1007_nonfinite", "n20011_bits",
};
constexpr std::string_view kTanhCases[] = {
    "n1",          "n9_logits",       "n1003",        "n5000_logits", "n999_subnormal",
    "n1000_zeros", "n1007_nonfinite", "n1001_cancel", "n20011_bits",
};
constexpr std::string_view kMathCases[] = {"n1", "n1003", "n5000_logits", "n20011_bits"};

// The recipe's first layer, in cache; and what no cache holds.
constexpr std::string_view kReluTimed[] = {"n1843200", "n8388608"};

}  // namespace

const Op kReluForward{
    .name = "relu_fwd_v1",
    .order = "x if x > 0 or x is NaN, else +0",
    .cases = kReluCases,
    .timed_cases = kReluTimed,
    .signature = Unary,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kReluBackward{
    .name = "relu_bwd_v1",
    .order = "dy where y > 0, else +0",
    .cases = kReluCases,
    .timed_cases = kReluTimed,
    .signature = FromOutput,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kSigmoidForward{
    .name = "sigmoid_fwd_v1",
    .order = "1 / (1 + exp(-x))",
    .cases = kSigmoidCases,
    .timed_cases = {},
    .signature = Unary,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kSigmoidBackward{
    .name = "sigmoid_bwd_v1",
    .order = "dy * (y * (1 - y))",
    .cases = kSigmoidCases,
    .timed_cases = {},
    .signature = FromOutput,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kTanhForward{
    .name = "tanh_fwd_v1",
    .order = "correctly rounded",
    .cases = kTanhCases,
    .timed_cases = {},
    .signature = Unary,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kTanhBackward{
    .name = "tanh_bwd_v1",
    .order = "dy * (1 - y * y)",
    .cases = kTanhCases,
    .timed_cases = {},
    .signature = FromOutput,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kExp{
    .name = "exp_v1",
    .order = "correctly rounded",
    .cases = kMathCases,
    .timed_cases = {},
    .signature = Unary,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kLog{
    .name = "log_v1",
    .order = "correctly rounded",
    .cases = kMathCases,
    .timed_cases = {},
    .signature = Unary,
    .fill = nullptr,
    .flops = nullptr,
    .splits_batch = true,
};

}  // namespace samebits::activation
