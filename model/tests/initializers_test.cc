#include "model/streams/initializers.h"

#include <cmath>

#include "kernels/core/threefry.h"
#include "model/streams/seeds.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

using testing::DifferingBits;
using testing::KerasFile;

TEST(GlorotUniform, EqualsKerasSmallShapes) {
  int compared = 0;
  for (const NamedArray& entry : ReadNpz(KerasFile("jax_initializers_small.npz"))) {
    if (!entry.name.starts_with("GlorotUniform_")) continue;
    const std::uint32_t seed = entry.name.starts_with("GlorotUniform_42_") ? 42 : 812;
    EXPECT_EQ(DifferingBits(GlorotUniform(entry.array.shape, seed), NpyValues<float>(entry.array)),
              0)
        << entry.name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

// The kernels are w0, w2, ...; layers draw in the order conv1, drop1, conv2, drop2, conv3, dense1,
// drop3, dense2.
TEST(GlorotUniform, EqualsInitialWeightsOfTheCnn) {
  const auto weights = ReadNpz(KerasFile("jax_init_weights_seed812.npz"));
  const auto draws = LayerSeeds(812, 8);
  constexpr std::size_t kDrawOfKernel[] = {0, 2, 4, 5, 7};
  ASSERT_EQ(weights.size(), 10u);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto keras = NpyValues<float>(weights[i].array);
    const bool is_kernel = i % 2 == 0;
    const auto ours = is_kernel ? GlorotUniform(weights[i].array.shape, draws[kDrawOfKernel[i / 2]])
                                : std::vector<float>(keras.size(), 0.0f);
    EXPECT_EQ(DifferingBits(ours, keras), 0) << weights[i].name;
  }
}

// Both ways to get it wrong are seen by the fixture.
TEST(GlorotUniform, WrongUniformsDiffer) {
  const auto weights = ReadNpz(KerasFile("jax_init_weights_seed812.npz"));
  const auto keras = NpyValues<float>(weights[2].array);
  const float limit = std::sqrt(3.0 / (9 * 32));
  std::vector<std::uint32_t> words(keras.size());
  ThreefryWords({LayerSeeds(812, 3)[2], 0}, words);
  std::vector<float> right, low_bits, without_fma;
  for (const std::uint32_t word : words) {
    right.push_back(Uniform(word, -limit, limit));
    low_bits.push_back(Uniform(word << 9, -limit, limit));
    without_fma.push_back(UnitUniform(word) * (limit + limit) - limit);
  }
  EXPECT_EQ(DifferingBits(right, keras), 0);
  EXPECT_GT(DifferingBits(low_bits, keras), 9000);
  EXPECT_GT(DifferingBits(without_fma, keras), 3000);
}

}  // namespace
}  // namespace samebits
