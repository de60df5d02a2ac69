#include "kernels/initializer/initializer.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits::initializer {

Shape ShapeOf(const Case& c) {
  const std::int64_t n = c.Get("n");
  if (n < 1 || n >= (std::int64_t{1} << 32) - 1) {
    throw UserError(fmt::format("case '{}': n must be 1 to 2^32 - 2", c.id()));
  }
  return {n, c.Has("tensorflow")};
}

namespace {

using enum DType;

Signature SignatureOf(const Case& c) {
  return {{{"stream", kInt64, {2}}, {"range", kFloat32, {2}}}, {{"y", kFloat32, {ShapeOf(c).n}}}};
}

template <bool is_uniform>
void Fill(const Case& c, int index, const Tensor&, std::byte* data) {
  if (index == 0) {
    auto* const stream = reinterpret_cast<std::int64_t*>(data);
    stream[0] = static_cast<std::int64_t>(c.Seed()), stream[1] = c.Get("call", 0);
    return;
  }
  auto* const range = reinterpret_cast<float*>(data);
  const double mean = static_cast<double>(c.Get("mean", 0)) / 1e6;
  const double spread = static_cast<double>(c.Get("spread")) / 1e6;
  range[0] = static_cast<float>(is_uniform ? mean - spread : mean);
  range[1] = static_cast<float>(is_uniform ? mean + spread : spread);
}

// Halves of odd and even lengths, vectors of them, whole and broken groups of four; the recipe's
// second layer.
constexpr std::string_view kCases[] = {
    "n1_spread50000",
    "n2call1_spread50000",
    "n9call3_mean250000spread1000000",
    "n1000_spread98058",
    "n18432_spread58926",
    "n5001call2_mean1spread50000",
    "n1_spread50000_tensorflow",
    "n778call40_spread333333_tensorflow",
    "n4099_mean3spread50000_tensorflow",
    "n18432_spread58926_tensorflow",
};

}  // namespace

const Op kUniform{
    .name = "random_uniform_v1",
    .order = "keras-jax: max(low, fma(u, high - low, low)); else u * (high - low) + low",
    .cases = kCases,
    .timed_cases = {},
    .signature = SignatureOf,
    .fill = Fill<true>,
    .flops = nullptr,
};

const Op kNormal{
    .name = "random_normal_v1",
    .order = "z * spread + mean, z by the stream",
    .cases = kCases,
    .timed_cases = {},
    .signature = SignatureOf,
    .fill = Fill<false>,
    .flops = nullptr,
};

const Op kTruncatedNormal{
    .name = "random_truncated_normal_v1",
    .order = "z * spread + mean, z by the stream, within (-2, 2)",
    .cases = kCases,
    .timed_cases = {},
    .signature = SignatureOf,
    .fill = Fill<false>,
    .flops = nullptr,
};

}  // namespace samebits::initializer
