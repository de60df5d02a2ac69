#include "model/streams/shuffle.h"

#include <cstdio>
#include <numeric>

#include <nlohmann/json.hpp>

#include "model/tests/testing.h"

namespace samebits {
namespace {

using ::testing::ElementsAre;
using testing::KerasFile;

// The first shuffle() after set_random_seed(seed).
Shuffle FirstShuffle(std::int64_t seed, std::uint32_t buffer) {
  return {RandomSources(GlobalSeeds::All(seed)).NextShuffle(), buffer};
}

// Each array holds the orders of four successive iterators.
void ExpectOrders(const NamedArray& fixture, std::int64_t seed, std::uint32_t buffer) {
  const auto n = static_cast<std::uint32_t>(fixture.array.shape.at(1));
  const auto keras = NpyValues<std::int64_t>(fixture.array);
  std::vector<std::int64_t> ours;
  for (std::uint64_t iterator = 0; iterator < 4; ++iterator) {
    const auto order = FirstShuffle(seed, buffer).Order(iterator, n);
    ours.insert(ours.end(), order.begin(), order.end());
  }
  EXPECT_EQ(ours, keras) << fixture.name;
}

TEST(Shuffle, EqualsTensorFlow) {
  const auto fixtures = ReadNpz(KerasFile("tf_shuffle_orders.npz"));
  EXPECT_EQ(fixtures.size(), 4u);
  for (const NamedArray& fixture : fixtures) {
    std::int64_t seed = 0;
    unsigned n = 0;
    ASSERT_EQ(std::sscanf(fixture.name.c_str(), "seed%ld_n%u", &seed, &n), 2);
    ExpectOrders(fixture, seed, n);
  }
}

TEST(Shuffle, EqualsTensorFlowForOtherBuffersAndSeeds) {
  const auto fixtures = ReadNpz(KerasFile("tf_shuffle_buffers.npz"));
  EXPECT_EQ(fixtures.size(), 25u);
  for (const NamedArray& fixture : fixtures) {
    std::int64_t seed = 0;
    unsigned n = 0, buffer = 0;
    ASSERT_EQ(std::sscanf(fixture.name.c_str(), "seed%ld_n%u_buffer%u", &seed, &n, &buffer), 3);
    ExpectOrders(fixture, seed, buffer);
  }
}

// Several shuffle()s after one set_random_seed, with and without seeds of their own, reshuffled in
// each iteration or not; three iterators of each.
TEST(Shuffle, EqualsTensorFlowsAnswers) {
  const auto answers =
      nlohmann::json::parse(std::ifstream(KerasFile("tf_answers.json"))).at("shuffles");
  EXPECT_EQ(answers.size(), 50u);
  RandomSources sources(GlobalSeeds::All(0));
  for (const auto& answer : answers) {
    if (answer["place"] == 0) sources = RandomSources(GlobalSeeds::All(answer["seed"]));
    const auto& op_seed = answer["op_seed"];
    Shuffle shuffle = {op_seed.is_null() ? sources.NextShuffle() : sources.ShuffleWithSeed(op_seed),
                       answer["buffer"], answer["reshuffle_each_iteration"]};
    const auto orders = [&] {
      std::vector<std::vector<std::uint32_t>> three;
      for (std::uint64_t i = 0; i < 3; ++i) three.push_back(shuffle.Order(i, answer["n"]));
      return three;
    };
    const auto keras = answer["orders"].get<std::vector<std::vector<std::uint32_t>>>();
    EXPECT_EQ(orders(), keras) << answer;
    shuffle.reshuffle_each_iteration = !shuffle.reshuffle_each_iteration;
    EXPECT_NE(orders(), keras) << answer;
  }
}

TEST(Shuffle, KnownOrders) {
  const Shuffle shuffle = FirstShuffle(812, 10);
  EXPECT_THAT(shuffle.Order(0, 10), ElementsAre(7, 4, 5, 6, 1, 3, 0, 8, 2, 9));
  EXPECT_THAT(shuffle.Order(1, 10), ElementsAre(8, 1, 6, 0, 7, 4, 9, 3, 2, 5));
  EXPECT_THAT(shuffle.Order(2, 10), ElementsAre(0, 7, 3, 1, 6, 4, 5, 8, 2, 9));
  EXPECT_THAT(shuffle.Order(5, 0), ElementsAre());
}

TEST(Shuffle, IsAPermutation) {
  for (const std::uint32_t buffer : {1, 2, 63, 999, 1000, 5000}) {
    auto order = FirstShuffle(7, buffer).Order(3, 1000);
    std::vector<std::uint32_t> identity(order.size());
    std::iota(identity.begin(), identity.end(), 0);
    EXPECT_EQ(order == identity, buffer == 1);
    std::ranges::sort(order);
    EXPECT_EQ(order, identity) << buffer;
  }
}

}  // namespace
}  // namespace samebits
