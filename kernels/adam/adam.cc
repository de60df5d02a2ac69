#include "kernels/adam/adam.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/convert/stored.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/math/power.h"

namespace samebits::adam {

float Alpha(std::int64_t t) {
  const float numerator = kRate * std::sqrt(1.0f - PowerOfBeta(kBeta2, t));
  return numerator / (1.0f - PowerOfBeta(kBeta1, t));
}

namespace {

using enum DType;

Signature UpdateSignature(const Case& c) {
  if (c.Get("n") < 1 || c.Get("t", 1) < 1) {  // training hands the step over
    throw UserError(fmt::format("case '{}': not a step of Adam: n or t is below 1", c.id()));
  }
  const std::vector<std::int64_t> shape = {c.Get("n")};
  return {{{"w", kFloat32, shape},
           {"m", kFloat32, shape},
           {"v", kFloat32, shape},
           {"g", convert::IsStored(c) ? kUint16 : kFloat32, shape},
           {"step", kInt64, {1}}},
          {{"w", kFloat32, shape}, {"m", kFloat32, shape}, {"v", kFloat32, shape}}};
}

void Fill(const Case& c, int, const Tensor& tensor, std::byte* data) {
  if (tensor.type == kInt64) *reinterpret_cast<std::int64_t*>(data) = c.Get("t");
  if (tensor.name == "v") {  // a second moment is never negative
    const std::span values(reinterpret_cast<float*>(data),
                           static_cast<std::size_t>(tensor.Elements()));
    for (float& v : values) v = std::fabs(v);
  }
}

constexpr std::string_view kCases[] = {
    "n1_t1",
    "n407_t1",
    "n1003_t2",
    "n64_t300",
    "n33_t100000",
    "n33_t16777216",
    "n1001_t7_cancel",
    "n777_t10_subnormal",
    "n500_t20_zeros",
    "n900_t5_nonfinite",
    // In 16 bits.
    "n1003_t2_bfloat16",
    "n1001down10_t7_cancel_float16",
    "n777down15_t10_subnormal_float16",
    "n900_t5_nonfinite_float16",
};

// The recipe's weights, and what no cache holds.
constexpr std::string_view kTimed[] = {"n21578_t1000", "n4194304_t1000"};

}  // namespace

const Op kUpdate{
    .name = "adam_v1",
    .order = "alpha, m, v, w as in Keras, every operation rounded",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = UpdateSignature,
    .fill = Fill,
    .flops = nullptr,
    .may_be_stored = true,
};

}  // namespace samebits::adam
