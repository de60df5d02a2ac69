#include "model/streams/initializers.h"

#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "kernels/core/digest.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

using testing::DifferingBits;
using ::testing::HasSubstr;
using testing::KerasFile;
using testing::UserErrorOf;

// On one backend; the parameter begins the names of the files that Keras wrote on it.
class Initializers : public ::testing::TestWithParam<std::string> {
 protected:
  static const Stream& TheStream() { return GetParam() == "jax_" ? kKerasJax : kKerasTensorflow; }
  static std::vector<float> Values(std::string_view name, std::uint32_t seed,
                                   const std::vector<std::int64_t>& shape) {
    return FindInitializer(name).Values(TheStream(), seed, shape);
  }
  static std::filesystem::path File(const std::string& name) {
    return KerasFile(GetParam() + name);
  }
};

INSTANTIATE_TEST_SUITE_P(Streams, Initializers, ::testing::Values("jax_", "tf_"));

// The published numbers: seed 42, shape (1, 1).
TEST_P(Initializers, GiveThePublishedNumbers) {
  struct Published {
    const char* name;
    double jax, tensorflow;
  };
  const Published table[] = {
      {"RandomNormal", 0.05609520897269249, 0.000790853810030967},
      {"RandomUniform", 0.03690483793616295, -0.02175668440759182},
      {"TruncatedNormal", 0.05230803042650223, 0.000790853810030967},
      {"VarianceScaling", 1.1893247365951538, 0.017981600016355515},
      {"GlorotNormal", 1.1893247365951538, 0.017981600016355515},
      {"GlorotUniform", 1.2784210443496704, -0.7536736726760864},
      {"HeNormal", 1.6819592714309692, 0.025429822504520416},
      {"HeUniform", 1.8079603910446167, -1.065855622291565},
      {"LecunNormal", 1.1893247365951538, 0.017981600016355515},
      {"LecunUniform", 1.2784210443496704, -0.7536736726760864},
      {"Orthogonal", 1.0, 1.0},
  };
  ASSERT_EQ(std::size(table), AllInitializers().size());
  for (const Published& row : table) {
    const bool jax = &TheStream() == &kKerasJax;
    EXPECT_EQ(Values(row.name, 42, {1, 1}).at(0), jax ? row.jax : row.tensorflow) << row.name;
  }
}

TEST_P(Initializers, EqualKerasSmallShapes) {
  int compared = 0;
  for (const NamedArray& entry : ReadNpz(File("initializers_small.npz"))) {
    const std::string name = entry.name.substr(0, entry.name.find('_'));
    const std::uint32_t seed = entry.name.starts_with(name + "_42_") ? 42 : 812;
    const auto keras = NpyValues<float>(entry.array);
    const auto ours = Values(name, seed, entry.array.shape);
    if (name == "Orthogonal") {
      for (std::size_t i = 0; i < keras.size(); ++i) EXPECT_NEAR(ours[i], keras[i], 3e-7);
      continue;
    }
    EXPECT_EQ(DifferingBits(ours, keras), 0) << entry.name;
    EXPECT_NE(DifferingBits(Values(name, seed + 1, entry.array.shape), keras), 0) << entry.name;
    ++compared;
  }
  EXPECT_EQ(compared, 60);
}

// Other seeds, up to the borders; shapes from scalar to (1000, 1000); every mode and distribution.
TEST_P(Initializers, EqualKerasAnswers) {
  const auto answers = nlohmann::json::parse(std::ifstream(File("answers.json")));
  int compared = 0;
  for (const auto& answer : answers["initializers"]) {
    Initializer initializer = FindInitializer(answer["name"].get<std::string>());
    for (const auto& [option, value] : answer["options"].items()) initializer.Set(option, value);
    const auto values = initializer.Values(TheStream(), answer["seed"],
                                           answer["shape"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(Sha256Hex(std::as_bytes(std::span(values))), answer["sha256"]) << answer;
    ++compared;
  }
  EXPECT_EQ(compared, 85);
}

// Two objects with one seed are equal; two without are not, and repeat after the same global seed.
TEST_P(Initializers, RepeatWithTheirSeeds) {
  EXPECT_EQ(Values("HeNormal", 42, {3, 5}), Values("HeNormal", 42, {3, 5}));
  const auto unseeded_pair = [] {
    RandomSources sources(GlobalSeeds::All(812));
    const auto first = Values("HeNormal", sources.NextLayerSeed(), {3, 5});
    return std::pair(first, Values("HeNormal", sources.NextLayerSeed(), {3, 5}));
  };
  EXPECT_EQ(DifferingBits(unseeded_pair().first, unseeded_pair().second), 15);
  EXPECT_EQ(unseeded_pair(), unseeded_pair());
}

// The layers draw in the order conv1, drop1, conv2, drop2, conv3, dense1, drop3, dense2; the
// kernels are the arrays 0, 2, ...
TEST_P(Initializers, EqualTheWeightsOfTheCnn) {
  auto weights = ReadNpz(File("init_weights_seed812.npz"));
  std::erase_if(weights, [](const NamedArray& array) { return array.name == "seeds"; });
  const auto draws = testing::LayerSeeds(812, 8);
  constexpr std::size_t kDrawOfKernel[] = {0, 2, 4, 5, 7};
  ASSERT_EQ(weights.size(), 10u);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto keras = NpyValues<float>(weights[i].array);
    const bool is_kernel = i % 2 == 0;
    const auto ours =
        is_kernel ? Values("GlorotUniform", draws[kDrawOfKernel[i / 2]], weights[i].array.shape)
                  : std::vector<float>(keras.size(), 0.0f);
    EXPECT_EQ(DifferingBits(ours, keras), 0) << weights[i].name;
  }
}

// As in the recipe's own script: two GlorotNormal without seeds before the CNN.
TEST(RecipeOrder, EqualsKerasOnTensorFlow) {
  const auto arrays = ReadNpz(KerasFile("tf_recipe_order_seed812.npz"));
  const auto draws = testing::LayerSeeds(812, 10);
  const auto expect = [&](const std::string& array, const char* name, std::size_t draw) {
    const NpyArray& keras = FindArray(arrays, array);
    const auto ours = FindInitializer(name).Values(kKerasTensorflow, draws[draw], keras.shape);
    EXPECT_EQ(DifferingBits(ours, NpyValues<float>(keras)), 0) << array;
  };
  expect("glorot3", "GlorotNormal", 0);
  expect("glorot4", "GlorotNormal", 1);
  constexpr std::size_t kDrawOfKernel[] = {2, 4, 6, 7, 9};
  for (std::size_t i = 0; i < 5; ++i) {
    expect("w" + std::to_string(2 * i), "GlorotUniform", kDrawOfKernel[i]);
  }
}

TEST_P(Initializers, OrthogonalIsOrthogonal) {
  struct Size {
    std::vector<std::int64_t> shape;
    std::size_t rows, columns;
  };
  for (const Size& size :
       {Size{{1, 1}, 1, 1}, Size{{5, 3}, 5, 3}, Size{{3, 5}, 3, 5}, Size{{3, 3, 4, 7}, 36, 7},
        Size{{300, 300}, 300, 300}, Size{{1, 9}, 1, 9}}) {
    const std::size_t rows = size.rows, columns = size.columns;
    const auto q = Values("Orthogonal", 7, size.shape);
    // Of the longer side's vectors, every two.
    const std::size_t vectors = std::min(rows, columns), length = std::max(rows, columns);
    const auto at = [&](std::size_t vector, std::size_t i) -> double {
      return rows < columns ? q[vector * length + i] : q[i * vectors + vector];
    };
    double worst = 0.0;
    for (std::size_t a = 0; a < vectors; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        double dot = 0.0;
        for (std::size_t i = 0; i < length; ++i) dot += at(a, i) * at(b, i);
        worst = std::max(worst, std::fabs(dot - (a == b ? 1.0 : 0.0)));
      }
    }
    EXPECT_LT(worst, 1e-6) << rows << "x" << columns;
  }
}

// The bits of a contract of our own: they may not move, and need not be Keras'.
TEST(Orthogonal, KeepsItsBits) {
  const std::int64_t shape[] = {64, 48};
  std::map<std::string_view, std::string> digests;
  for (const Stream* stream : AllStreams()) {
    const auto values = FindInitializer("Orthogonal").Values(*stream, 812, shape);
    digests[stream->name] = Sha256Hex(std::as_bytes(std::span(values))).substr(0, 16);
  }
  EXPECT_EQ(digests["keras-jax"], "8fc168910b19be55");
  EXPECT_EQ(digests["keras-tensorflow"], "732aa441466ca401");
}

TEST(Orthogonal, IsScaledByGain) {
  const std::int64_t shape[] = {4, 6};
  Initializer doubled = FindInitializer("Orthogonal");
  doubled.Set("gain", "2");
  auto values = FindInitializer("Orthogonal").Values(kKerasJax, 1, shape);
  for (float& value : values) value *= 2.0f;
  EXPECT_EQ(DifferingBits(doubled.Values(kKerasJax, 1, shape), values), 0);
}

TEST(FindInitializer, NamesWhatThereIs) {
  EXPECT_THAT(UserErrorOf([] { FindInitializer("Bread"); }), HasSubstr("there are: RandomNormal"));
  EXPECT_THAT(UserErrorOf([] { FindStream("torch"); }), HasSubstr("keras-jax keras-tensorflow"));
}

// Keras' defaults as text are those in the table.
TEST(InitializerOptions, StandardsAreTheDefaults) {
  for (const InitializerOption& option : AllInitializerOptions()) {
    int takers = 0;
    for (Initializer initializer : AllInitializers()) {
      if (std::ranges::find(initializer.takes, option.name) == initializer.takes.end()) continue;
      const InitializerOptions before = initializer.options;
      initializer.Set(option.name, std::string(option.standard));
      EXPECT_EQ(initializer.options, before) << initializer.name << " " << option.name;
      ++takers;
    }
    EXPECT_GE(takers, 1) << option.name;
  }
}

TEST(InitializerOptions, AreChecked) {
  Initializer scaling = FindInitializer("VarianceScaling");
  EXPECT_THAT(UserErrorOf([&] { scaling.Set("mean", "1"); }),
              HasSubstr("takes no mean; it takes: scale mode distribution"));
  EXPECT_THAT(UserErrorOf([&] { scaling.Set("mode", "fan"); }), HasSubstr("fan_in fan_out"));
  EXPECT_THAT(UserErrorOf([&] { scaling.Set("distribution", "flat"); }), HasSubstr("uniform"));
  for (const char* bad : {"", "x", "1x", "nan", "inf", "1e999", "-2e30"}) {
    EXPECT_THAT(UserErrorOf([&] { scaling.Set("scale", bad); }), HasSubstr("is not a number"));
  }
  EXPECT_THAT(UserErrorOf([&] { scaling.Set("scale", "0"); }), HasSubstr("not above 0"));
  Initializer glorot = FindInitializer("GlorotNormal");
  EXPECT_THAT(UserErrorOf([&] { glorot.Set("scale", "2"); }), HasSubstr("it takes: no options"));
}

TEST(Shapes, AreChecked) {
  const auto error = [](const char* name, std::vector<std::int64_t> shape) {
    return UserErrorOf([&] { FindInitializer(name).Values(kKerasJax, 0, shape); });
  };
  EXPECT_THAT(error("RandomNormal", {3, 0}), HasSubstr("shape 3,0: give sizes from 1"));
  EXPECT_THAT(error("RandomNormal", {-1}), HasSubstr("sizes from 1"));
  EXPECT_THAT(error("RandomNormal", {1 << 14, 1 << 14, 2}), HasSubstr("at most 268435456"));
  EXPECT_THAT(error("RandomNormal", {std::int64_t{1} << 62, 4}), HasSubstr("at most"));
  EXPECT_THAT(error("Orthogonal", {4}), HasSubstr("two sizes or more"));
  EXPECT_EQ(error("RandomNormal", {}), "");
}

}  // namespace
}  // namespace samebits
