// The words of the three generators against published or recorded answers.
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "kernels/core/philox.h"
#include "kernels/core/threefry.h"
#include "model/streams/mersenne_twister.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

nlohmann::json KnownAnswers() {
  return nlohmann::json::parse(std::ifstream(testing::KerasFile("known_answers.json")));
}

std::uint64_t Number(const nlohmann::json& hex) {
  return std::stoull(hex.get<std::string>(), nullptr, 16);
}

// The vectors philox4x32 10 of Random123's kat_vectors.
static_assert(Philox4x32({0, 0}, {0, 0, 0, 0}) ==
              PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(Philox4x32({~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}) ==
              PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(Philox4x32({0xa4093822, 0x299f31d0},
                         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
              PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

TEST(Philox, EqualsTensorFlowsStreams) {
  const nlohmann::json answers = KnownAnswers();
  ASSERT_EQ(answers["tf_philox"].size(), 5u);
  for (const auto& answer : answers["tf_philox"]) {
    const std::uint64_t key = Number(answer["key"]);
    const std::uint64_t high = Number(answer["counter"][1]);
    for (std::uint32_t i = 0; i < 8; ++i) {
      const PhiloxBlock block = Philox4x32(
          {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)},
          {i / 4, 0, static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32)});
      EXPECT_EQ(block[i % 4], Number(answer["first8"][i])) << answer["seed"] << " word " << i;
    }
  }
}

// Random123's kat_vectors of threefry2x32 20; x and y of the key are our draw and call.
TEST(Threefry, EqualsRandom123) {
  EXPECT_THAT(Threefry2x32({0, 0}, {0, 0}), ElementsAre(0x6b200159, 0x99ba4efe));
  EXPECT_THAT(Threefry2x32({~0u, ~0u}, {~0u, ~0u}), ElementsAre(0x1cb996fc, 0xbb002be7));
  EXPECT_THAT(Threefry2x32({0x13198a2e, 0x03707344}, {0x243f6a88, 0x85a308d3}),
              ElementsAre(0xc4923a9c, 0x483df7a0));
}

TEST(Threefry, EqualsJaxsLegacyLayout) {
  int sizes = 0;
  const nlohmann::json answers = KnownAnswers();
  for (const auto& [size, words] : answers["jax_threefry_legacy_key42_0"].items()) {
    const auto n = static_cast<std::uint32_t>(std::stoul(size));
    for (std::uint32_t i = 0; i < n; ++i) {
      EXPECT_EQ(ThreefryWord({42, 0}, i, n), Number(words[i])) << "word " << i << " of " << n;
    }
    ++sizes;
  }
  EXPECT_EQ(sizes, 4);
}

TEST(Threefry, PartitionableLayoutDiffers) {
  const nlohmann::json answers = KnownAnswers();
  const auto& words = answers["jax_threefry_partitionable_key42_0"];
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto [a, b] = Threefry2x32({42, 0}, {0, i});
    EXPECT_EQ(a ^ b, Number(words[i]));
    EXPECT_NE(ThreefryWord({42, 0}, i, 4), Number(words[i]));
  }
}

TEST(Threefry, BulkEqualsWordByWord) {
  for (const std::uint32_t n : {0, 1, 2, 3, 4, 7, 1000, 1001}) {
    std::vector<std::uint32_t> words(n);
    ThreefryWords({812, 3}, words);
    for (std::uint32_t i = 0; i < n; ++i) EXPECT_EQ(words[i], ThreefryWord({812, 3}, i, n));
  }
}

TEST(Uniform, StaysWithinItsBorders) {
  EXPECT_EQ(UnitUniform(0), 0.0f);
  EXPECT_EQ(UnitUniform(0x1FF), 0.0f);
  EXPECT_EQ(UnitUniform(0xFFFFFFFF), 1.0f - std::ldexp(1.0f, -23));
  EXPECT_EQ(Uniform(0, -0.05f, 0.05f), -0.05f);
  EXPECT_LT(Uniform(0xFFFFFFFF, -0.05f, 0.05f), 0.05f);
}

// Recorded from CPython 3.11: random.Random(seed).getrandbits(32), three times.
TEST(MersenneTwister, EqualsPython) {
  struct Answer {
    std::uint64_t seed;
    std::array<std::uint32_t, 3> words;
  };
  const Answer answers[] = {
      {0, {3626764237, 1654615998, 3255389356}},
      {1, {577090037, 2444712010, 3639700191}},
      {42, {2746317213, 478163327, 107420369}},
      {812, {134545550, 1705147146, 2635673074}},
      {0xFFFFFFFF, {2728839433, 2661025012, 872737089}},
      {0x100000000, {485306839, 1508871100, 1794561286}},
      {0xFFFFFFFFFFFFFFFF, {93740670, 1068495656, 1452108352}},
  };
  for (const Answer& answer : answers) {
    auto random = MersenneTwister::OfPython(answer.seed);
    for (const std::uint32_t word : answer.words) EXPECT_EQ(random.NextWord(), word) << answer.seed;
  }
}

TEST(MersenneTwister, EqualsPythonBeyondOneState) {
  auto random = MersenneTwister::OfPython(812);
  for (int i = 0; i < 1999; ++i) random.NextWord();
  EXPECT_EQ(random.NextWord(), 1080337681);
}

// Recorded from CPython 3.11. The seed 0 rejects its first word, which is not below 2^31.
TEST(MersenneTwister, RandIntEqualsPython) {
  constexpr std::int64_t kMax = 0x7FFFFFFF;
  EXPECT_EQ(MersenneTwister::OfPython(0).RandInt(0, kMax), 1654615998);
  EXPECT_EQ(MersenneTwister::OfPython(0xFFFFFFFF).RandInt(0, kMax), 872737089);
  auto random = MersenneTwister::OfPython(812);
  EXPECT_EQ(random.RandInt(0, kMax), 134545550);
  EXPECT_EQ(random.RandInt(0, kMax), 1705147146);
  std::vector<std::int64_t> draws;
  for (int i = 0; i < 8; ++i) draws.push_back(random.RandInt(-3, 3));
  EXPECT_THAT(draws, ElementsAreArray({1, 2, -1, -1, 2, 3, 3, -1}));
}

}  // namespace
}  // namespace samebits
