// The backends' streams: what they are made of, and that the wrong ways to make them are seen.
#include "model/streams/stream.h"

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "kernels/core/threefry.h"
#include "kernels/math/log.h"
#include "kernels/math/stream_functions.h"
#include "model/streams/initializers.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

using testing::DifferingBits;
using testing::KerasFile;

// Of the 2^23 uniforms, how many have other bits with the correctly rounded function (the rounded
// binary64 one stands for it in sin and cos): as many as with glibc's own functions.
TEST(GlibcFunctions, AreNotCorrectlyRounded) {
  int log = 0, sin = 0, cos = 0;
  for (std::uint32_t i = 0; i < 1u << 23; ++i) {
    const float u = std::bit_cast<float>(i | 0x3F800000) - 1.0f;
    const float positive = std::max(u, 1.0e-7f);
    const auto angle = static_cast<float>(2 * M_PI * static_cast<double>(u));
    const stream_functions::Wave ours = stream_functions::SinCosByGlibc(angle);
    log += stream_functions::LogByGlibc(positive) != Log(positive);
    sin += ours.sin != static_cast<float>(std::sin(static_cast<double>(angle)));
    cos += ours.cos != static_cast<float>(std::cos(static_cast<double>(angle)));
  }
  EXPECT_EQ(log, 60931);
  EXPECT_EQ(sin, 108108);
  EXPECT_EQ(cos, 108456);
}

TEST(XlaFunctions, AreNearTheFunctionsButNotCorrectlyRounded) {
  int other_log = 0, other_log1p = 0;
  double worst = 0.0;
  for (std::uint32_t i = 1; i < 1u << 16; ++i) {
    const float x = static_cast<float>(i) / 65536.0f;
    other_log += stream_functions::LogByXla(x) != Log(x);
    other_log1p += stream_functions::Log1pByXla(-x * x) !=
                   static_cast<float>(std::log1p(static_cast<double>(-x * x)));
    worst = std::max(
        worst, std::fabs(std::erf(static_cast<double>(stream_functions::ErfInvByXla(x))) - x));
    EXPECT_EQ(stream_functions::ErfInvByXla(-x), -stream_functions::ErfInvByXla(x));
  }
  EXPECT_GT(other_log, 1000);
  EXPECT_GT(other_log1p, 1000);
  EXPECT_LT(worst, 1e-6);
}

// JAX takes the high 23 bits, and one rounding.
TEST(KerasJax, WrongUniformsDiffer) {
  const auto weights = ReadNpz(KerasFile("jax_init_weights_seed812.npz"));
  const auto keras = NpyValues<float>(weights[2].array);
  const std::uint32_t draw = testing::LayerSeeds(812, 3)[2];
  const float limit = std::sqrt(3.0 / (9 * 32));
  std::vector<std::uint32_t> words(keras.size());
  ThreefryWords({draw, 0}, words);
  std::vector<float> right(keras.size()), low_bits, without_fma, next_call(keras.size());
  kKerasJax.uniform({draw, 0}, -limit, limit, right);
  kKerasJax.uniform({draw, 1}, -limit, limit, next_call);
  for (const std::uint32_t word : words) {
    low_bits.push_back(Uniform(word << 9, -limit, limit));
    without_fma.push_back(UnitUniform(word) * (limit + limit) - limit);
  }
  EXPECT_EQ(DifferingBits(right, keras), 0);
  EXPECT_GT(DifferingBits(next_call, keras), 9000);
  EXPECT_GT(DifferingBits(low_bits, keras), 9000);
  EXPECT_GT(DifferingBits(without_fma, keras), 3000);
}

// TensorFlow takes the low 23 bits of the words that its own generator gave, and two roundings.
TEST(KerasTensorflow, WrongUniformsDiffer) {
  const auto answers = nlohmann::json::parse(std::ifstream(KerasFile("known_answers.json")));
  int streams = 0;
  for (const auto& answer : answers.at("tf_philox")) {
    std::vector<float> unit(8), scaled(8);
    const SeedState state = {answer["seed"][0], answer["seed"][1]};
    kKerasTensorflow.uniform(state, 0.0f, 1.0f, unit);
    kKerasTensorflow.uniform(state, -0.1f, 0.7f, scaled);
    std::vector<float> low_bits, high_bits, fused;
    for (const auto& hex : answer["first8"]) {
      const auto word = static_cast<std::uint32_t>(std::stoul(hex.get<std::string>(), nullptr, 16));
      low_bits.push_back(UnitUniform(word << 9));
      high_bits.push_back(UnitUniform(word));
      fused.push_back(Uniform(word << 9, -0.1f, 0.7f));
    }
    EXPECT_EQ(DifferingBits(unit, low_bits), 0) << answer;
    EXPECT_EQ(DifferingBits(unit, high_bits), 8) << answer;
    EXPECT_NE(DifferingBits(scaled, fused), 0) << answer;
    ++streams;
  }
  EXPECT_EQ(streams, 5);
}

// A truncated normal drops and keeps going: it is not the normal, clamped.
TEST(Streams, TruncatedNormalsAreWithinTwo) {
  for (const Stream* stream : AllStreams()) {
    std::vector<float> normal(20000), truncated(20000);
    stream->normal({812}, normal);
    stream->truncated_normal({812}, truncated);
    const auto inside = [](float x) { return std::fabs(x) < 2.0f; };
    EXPECT_TRUE(std::ranges::all_of(truncated, inside)) << stream->name;
    EXPECT_NEAR(std::ranges::count_if(normal, inside), 0.9545 * 20000, 200) << stream->name;
    EXPECT_GT(DifferingBits(normal, truncated), 15000) << stream->name;
  }
}

TEST(Streams, AreNotTakenForEachOther) {
  const std::int64_t shape[] = {100};
  for (const Initializer& initializer : AllInitializers()) {
    if (initializer.name == "Orthogonal") continue;
    EXPECT_GT(DifferingBits(initializer.Values(kKerasJax, 42, shape),
                            initializer.Values(kKerasTensorflow, 42, shape)),
              90)
        << initializer.name;
  }
}

}  // namespace
}  // namespace samebits
