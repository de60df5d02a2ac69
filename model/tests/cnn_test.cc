// The recipe CNN against Keras: what is defined bit by bit, and the losses within the spread that
// Keras has against itself (golden/keras/README.md).
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "model/tests/testing.h"
#include "model/train_op.h"
#include "model/trainer.h"

namespace samebits {
namespace {

TEST(Cnn, InitialWeightsEqualKeras) {
  Team team(1);
  const KernelSet kernels("auto");
  const auto keras = ReadNpz(testing::KerasFile("jax_init_weights_seed812.npz"));
  const auto weights_of = [&](std::int64_t seed) {
    RandomSources sources(GlobalSeeds::All(seed));
    return Network(CnnRecipe(), sources, 8, 1, kernels, team).Weights();
  };
  const auto ours = weights_of(812), other_seed = weights_of(813);
  ASSERT_EQ(ours.size(), 10u);
  for (const auto& [name, array] : ours) {
    EXPECT_EQ(array.shape, FindArray(keras, name).shape) << name;
    EXPECT_EQ(
        testing::DifferingBits(NpyValues<float>(array), NpyValues<float>(FindArray(keras, name))),
        0)
        << name;
  }
  EXPECT_NE(FindArray(ours, "w0"), FindArray(other_seed, "w0"));
}

TEST(Cnn, FirstLossesAreThoseOfKeras) {
  if (!std::filesystem::exists(InstalledFashionMnistDirectory())) {
    GTEST_SKIP() << "Fashion-MNIST is not installed: Debian package dataset-fashion-mnist";
  }
  const auto keras =
      nlohmann::json::parse(std::ifstream(testing::KerasFile("jax_first_40_losses_seed812.json")));
  const Dataset data = LoadDataset(InstalledFashionMnistDirectory());
  Team team(2);
  const TrainResult result =
      Train(CnnRecipe(), {.steps = 20}, data, KernelSet("auto"), team);
  ASSERT_EQ(result.steps.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    const double loss = keras.at(i), apart = std::fabs(result.steps[i].loss - loss) / loss;
    EXPECT_LT(apart, i < 5 ? 1e-6 : 2e-3) << "step " << i + 1;
  }
}

}  // namespace
}  // namespace samebits
