#include "kernels/dropout/dropout.h"

#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/core/threefry.h"
#include "model/streams/seeds.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

std::vector<float> Dropout(const Kernel& kernel, const std::vector<float>& x, std::uint32_t draw,
                           std::int64_t call) {
  const std::int64_t stream[2] = {draw, call};
  std::vector<float> y(x.size());
  Team team(2);
  Run(kernel, Case::Parse("n" + std::to_string(x.size()) + "_rate200000"),
      {{x.data(), stream}, {y.data()}}, team);
  return y;
}

// Keras' own outputs: x * f32(1.25) where kept.
TEST(Dropout, EqualsKeras) {
  const auto arrays = ReadNpz(testing::KerasFile("jax_dropout_seed812.npz"));
  const auto x = NpyValues<float>(FindArray(arrays, "x"));
  const auto draws = LayerSeeds(812, 8);
  constexpr std::size_t kDrawOfLayer[] = {1, 3, 6};
  for (const std::string_view name : {"reference", "portable", "avx2"}) {
    const Kernel* kernel = FindKernel(dropout::kForward, name);
    if (kernel == nullptr || !kernel->backend->unavailable().empty()) continue;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      for (std::int64_t call = 0; call < 3; ++call) {
        const std::string output =
            "drop" + std::to_string(layer) + "_call" + std::to_string(call) + "_y";
        const auto keras = NpyValues<float>(FindArray(arrays, output));
        const std::uint32_t draw = draws[kDrawOfLayer[layer]];
        EXPECT_EQ(testing::DifferingBits(Dropout(*kernel, x, draw, call), keras), 0)
            << name << " " << output;
        EXPECT_GT(testing::DifferingBits(Dropout(*kernel, x, draw, call + 1), keras), 500)
            << "the mask of the next call must differ from " << output;
      }
    }
  }
}

// The comparison of integers is the comparison of floats, for every one of the 2^23 uniforms.
TEST(KeepBound, IsExact) {
  for (const double rate :
       {0.0, 1e-9, 1e-7, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9, 0.999, 0.99999997, 1.0}) {
    const std::uint32_t bound = dropout::KeepBound(rate);
    const auto keep_probability = static_cast<float>(1.0 - rate);
    std::uint32_t wrong = 0;
    for (std::uint32_t k = 0; k < 1u << 23; ++k) {
      if ((k < bound) != (UnitUniform(k << 9) < keep_probability)) ++wrong;
    }
    EXPECT_EQ(wrong, 0u) << rate;
  }
  EXPECT_EQ(dropout::KeepBound(0.0), 1u << 23);
  EXPECT_EQ(dropout::KeepBound(1.0), 0u);
  EXPECT_EQ(dropout::KeepBound(0.5), 1u << 22);
}

}  // namespace
}  // namespace samebits
