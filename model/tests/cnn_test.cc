// The recipe CNN against Keras: what is defined bit by bit, and the losses within the spread that
// Keras has against itself (golden/keras/README.md).
#include <algorithm>
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "model/tests/testing.h"
#include "model/train_op.h"
#include "model/trainer.h"

namespace samebits {
namespace {

// What Keras gives with one of its backends.
struct Backend {
  const Stream* stream;
  const char *weights, *losses;
};
constexpr Backend kBackends[] = {
    {&kKerasJax, "jax_init_weights_seed812.npz", "jax_first_40_losses_seed812.json"},
    {&kKerasTensorflow, "tf_init_weights_seed812.npz", "tf_first_40_losses_seed812.json"},
};

TEST(Cnn, InitialWeightsEqualKeras) {
  Team team(1);
  const KernelSet kernels("auto");
  for (const Backend& backend : kBackends) {
    const auto keras = ReadNpz(testing::KerasFile(backend.weights));
    const auto weights_of = [&](std::int64_t seed) {
      RandomSources sources(GlobalSeeds::All(seed));
      return Network(CnnRecipe(), *backend.stream, sources, Division(8), 1, kernels, team)
          .Weights();
    };
    const auto ours = weights_of(812), other_seed = weights_of(813);
    ASSERT_EQ(ours.size(), 10u);
    for (const auto& [name, array] : ours) {
      // "w0", or "w0_c1_k" with TensorFlow.
      const auto named = std::ranges::find_if(keras, [&name = name](const NamedArray& a) {
        return a.name == name || a.name.starts_with(name + "_");
      });
      ASSERT_NE(named, keras.end()) << backend.weights << " " << name;
      const NpyArray& theirs = named->array;
      EXPECT_EQ(array.shape, theirs.shape) << name;
      EXPECT_EQ(testing::DifferingBits(NpyValues<float>(array), NpyValues<float>(theirs)), 0)
          << backend.weights << " " << name;
    }
    EXPECT_NE(FindArray(ours, "w0"), FindArray(other_seed, "w0"));
  }
}

// The page's script makes two GlorotNormal without seeds, then the CNN: draws 3 to 10.
TEST(Cnn, ThePagesWeightsEqualKeras) {
  Team team(1);
  const KernelSet kernels("auto");
  const auto keras = ReadNpz(testing::KerasFile("tf_recipe_order_seed812.npz"));
  const auto weights_of = [&](const char* recipe) {
    RandomSources sources(GlobalSeeds::All(812));
    return Network(FindRecipe(recipe), kKerasTensorflow, sources, Division(8), 1, kernels, team)
        .Weights();
  };
  for (const auto& [name, array] : weights_of("keras-page")) {
    EXPECT_EQ(
        testing::DifferingBits(NpyValues<float>(array), NpyValues<float>(FindArray(keras, name))),
        0)
        << name;
  }
  EXPECT_NE(FindArray(weights_of("cnn"), "w0"), FindArray(keras, "w0"));
}

TEST(Cnn, FirstLossesAreThoseOfKeras) {
  if (!std::filesystem::exists(InstalledFashionMnistDirectory())) {
    GTEST_SKIP() << "Fashion-MNIST is not installed: Debian package dataset-fashion-mnist";
  }
  const Dataset data = LoadDataset(InstalledFashionMnistDirectory());
  Team team(2);
  for (const Backend& backend : kBackends) {
    const auto keras = nlohmann::json::parse(std::ifstream(testing::KerasFile(backend.losses)));
    const TrainSettings settings{.stream = backend.stream, .steps = 20};
    const TrainResult result = Train(CnnRecipe(), settings, ImageData(data, CnnRecipe(), settings),
                                     KernelSet("auto"), team);
    ASSERT_EQ(result.steps.size(), 20u);
    for (std::size_t i = 0; i < 20; ++i) {
      const double loss = keras.at(i), apart = std::fabs(result.steps[i].loss - loss) / loss;
      EXPECT_LT(apart, i < 5 ? 1e-6 : 2e-3) << backend.losses << " step " << i + 1;
    }
  }
}

}  // namespace
}  // namespace samebits
