#include "kernels/dropout/dropout.h"

#include <nlohmann/json.hpp>

#include "kernels/core/digest.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/core/threefry.h"
#include "model/streams/stream.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

std::vector<float> Dropout(const Kernel& kernel, const std::vector<float>& x, std::uint32_t draw,
                           std::int64_t call, const char* word = "") {
  const std::int64_t stream[2] = {draw, call};
  std::vector<float> y(x.size());
  Team team(2);
  Run(kernel, Case::Parse("n" + std::to_string(x.size()) + "_rate200000" + word),
      {{x.data(), stream}, {y.data()}}, team);
  return y;
}

// Keras' own outputs: x * f32(1.25) where kept.
TEST(Dropout, EqualsKeras) {
  const auto arrays = ReadNpz(testing::KerasFile("jax_dropout_seed812.npz"));
  const auto x = NpyValues<float>(FindArray(arrays, "x"));
  const auto draws = testing::LayerSeeds(812, 8);
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

// The masks of both streams, as Keras' Dropout layers made them.
TEST(DropoutMask, EqualsKerasAnswers) {
  for (const Stream* stream : AllStreams()) {
    const std::string file = stream == &kKerasJax ? "jax_answers.json" : "tf_answers.json";
    const auto answers = nlohmann::json::parse(std::ifstream(testing::KerasFile(file))).at("masks");
    EXPECT_EQ(answers.size(), 18u);
    for (const auto& answer : answers) {
      const auto digest = [&](const Stream& of, double rate, std::uint32_t call) {
        const auto mask = DropoutMask(of, {answer["seed"], call}, answer["n"], rate);
        return Sha256Hex(std::as_bytes(std::span(mask)));
      };
      const Stream& other = stream == &kKerasJax ? kKerasTensorflow : kKerasJax;
      const double rate = answer["rate"];
      const std::uint32_t call = answer["call"];
      EXPECT_EQ(digest(*stream, rate, call), answer["sha256"]) << stream->name << answer;
      EXPECT_NE(digest(*stream, rate, call + 1), answer["sha256"]) << stream->name << answer;
      EXPECT_NE(digest(other, rate, call), answer["sha256"]) << stream->name << answer;
    }
  }
}

// TensorFlow's own masks and outputs in the recipe CNN: x * f32(1 / (1 - rate)) where kept, which
// for a fifth is not x / f32(1 - rate).
TEST(DropoutMask, EqualsTheCnnsOnTensorFlow) {
  const auto arrays = ReadNpz(testing::KerasFile("tf_dropout_seed812.npz"));
  const auto draws = testing::LayerSeeds(812, 8);
  constexpr std::size_t kDrawOfLayer[] = {1, 3, 6};
  for (std::size_t layer = 0; layer < 3; ++layer) {
    const std::string name = "drop" + std::to_string(layer);
    const auto x = NpyValues<float>(FindArray(arrays, name + "_x"));
    for (std::uint32_t call = 0; call < 3; ++call) {
      const std::string output = name + "_call" + std::to_string(call);
      const auto keep = NpyValues<std::uint8_t>(FindArray(arrays, output + "_keep"));
      const auto keras = NpyValues<float>(FindArray(arrays, output + "_y"));
      const auto mask =
          DropoutMask(kKerasTensorflow, {draws[kDrawOfLayer[layer]], call}, x.size(), 0.2);
      int wrong = 0;
      std::vector<float> product(x.size(), 0.0f), quotient(x.size(), 0.0f);
      for (std::size_t i = 0; i < x.size(); ++i) {
        wrong += mask[i] != ((keep[i / 8] >> (7 - i % 8)) & 1);  // numpy.packbits
        if (mask[i] == 0) continue;
        product[i] = x[i] * static_cast<float>(1.0 / (1.0 - 0.2));
        quotient[i] = x[i] / 0.8f;
      }
      EXPECT_EQ(wrong, 0) << output;
      EXPECT_EQ(testing::DifferingBits(product, keras), 0) << output;
      EXPECT_GT(testing::DifferingBits(quotient, keras), 10) << output;
    }
  }
}

// The operation's masks are the stream's.
TEST(DropoutMask, IsTheOperations) {
  const std::vector<float> ones(1001, 1.0f);
  const Kernel& reference = *FindKernel(dropout::kForward, "reference");
  for (const Stream* stream : AllStreams()) {
    const char* word = stream == &kKerasTensorflow ? "_tensorflow" : "";
    const auto y = Dropout(reference, ones, 812, 3, word);
    const auto mask = DropoutMask(*stream, {812, 3}, ones.size(), 0.2);
    for (std::size_t i = 0; i < ones.size(); ++i) ASSERT_EQ(y[i] != 0.0f, mask[i] == 1) << i;
  }
}

// The comparison of integers is the comparison of floats, for every one of the 2^23 uniforms.
TEST(KeepBound, IsExact) {
  for (const double rate :
       {0.0, 1e-9, 1e-7, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9, 0.999, 0.99999997, 1.0}) {
    const std::uint32_t bound = dropout::KeepBound(rate), from = dropout::DropBound(rate);
    const auto keep_probability = static_cast<float>(1.0 - rate);
    std::uint32_t wrong = 0;
    for (std::uint32_t k = 0; k < 1u << 23; ++k) {
      const float u = UnitUniform(k << 9);
      if ((k < bound) != (u < keep_probability)) ++wrong;
      if ((k >= from) != kKerasTensorflow.keeps(u, rate)) ++wrong;
    }
    EXPECT_EQ(wrong, 0u) << rate;
  }
  EXPECT_EQ(dropout::KeepBound(0.0), 1u << 23);
  EXPECT_EQ(dropout::KeepBound(1.0), 0u);
  EXPECT_EQ(dropout::KeepBound(0.5), 1u << 22);
  EXPECT_EQ(dropout::DropBound(0.0), 0u);
  EXPECT_EQ(dropout::DropBound(0.5), 1u << 22);
}

}  // namespace
}  // namespace samebits
