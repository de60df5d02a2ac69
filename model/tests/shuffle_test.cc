#include "model/streams/shuffle.h"

#include <cstdio>
#include <numeric>

#include "model/tests/testing.h"

namespace samebits {
namespace {

using ::testing::ElementsAre;
using testing::KerasFile;

// Each array holds the orders of four successive iterators.
void ExpectOrders(const NamedArray& fixture, std::int64_t seed, std::uint32_t buffer) {
  const auto n = static_cast<std::uint32_t>(fixture.array.shape.at(1));
  const auto keras = NpyValues<std::int64_t>(fixture.array);
  std::vector<std::int64_t> ours;
  for (std::uint64_t iterator = 0; iterator < 4; ++iterator) {
    const auto order = ShuffleOrder(ShuffleSeedsFor(seed), iterator, n, buffer);
    ours.insert(ours.end(), order.begin(), order.end());
  }
  EXPECT_EQ(ours, keras) << fixture.name;
}

TEST(ShuffleOrder, EqualsTensorFlow) {
  const auto fixtures = ReadNpz(KerasFile("tf_shuffle_orders.npz"));
  EXPECT_EQ(fixtures.size(), 4u);
  for (const NamedArray& fixture : fixtures) {
    std::int64_t seed = 0;
    unsigned n = 0;
    ASSERT_EQ(std::sscanf(fixture.name.c_str(), "seed%ld_n%u", &seed, &n), 2);
    ExpectOrders(fixture, seed, n);
  }
}

TEST(ShuffleOrder, EqualsTensorFlowForOtherBuffersAndSeeds) {
  const auto fixtures = ReadNpz(KerasFile("tf_shuffle_buffers.npz"));
  EXPECT_EQ(fixtures.size(), 25u);
  for (const NamedArray& fixture : fixtures) {
    std::int64_t seed = 0;
    unsigned n = 0, buffer = 0;
    ASSERT_EQ(std::sscanf(fixture.name.c_str(), "seed%ld_n%u_buffer%u", &seed, &n, &buffer), 3);
    ExpectOrders(fixture, seed, buffer);
  }
}

TEST(ShuffleOrder, KnownOrders) {
  const ShuffleSeeds seeds = ShuffleSeedsFor(812);
  EXPECT_THAT(ShuffleOrder(seeds, 0, 10, 10), ElementsAre(7, 4, 5, 6, 1, 3, 0, 8, 2, 9));
  EXPECT_THAT(ShuffleOrder(seeds, 1, 10, 10), ElementsAre(8, 1, 6, 0, 7, 4, 9, 3, 2, 5));
  EXPECT_THAT(ShuffleOrder(seeds, 2, 10, 10), ElementsAre(0, 7, 3, 1, 6, 4, 5, 8, 2, 9));
  EXPECT_THAT(ShuffleOrder(seeds, 5, 0, 10), ElementsAre());
}

TEST(ShuffleOrder, IsAPermutation) {
  for (const std::uint32_t buffer : {1, 2, 63, 999, 1000, 5000}) {
    auto order = ShuffleOrder(ShuffleSeedsFor(7), 3, 1000, buffer);
    std::vector<std::uint32_t> identity(order.size());
    std::iota(identity.begin(), identity.end(), 0);
    EXPECT_EQ(order == identity, buffer == 1);
    std::ranges::sort(order);
    EXPECT_EQ(order, identity) << buffer;
  }
}

TEST(ShuffleSeeds, EqualsKeras) {
  EXPECT_EQ(ShuffleSeedsFor(812).seed, 812u);
  EXPECT_EQ(ShuffleSeedsFor(812).seed2, 134545550u);
  EXPECT_EQ(ShuffleSeedsFor(42).seed2, 478163327u);
  EXPECT_EQ(ShuffleSeedsFor(0x7FFFFFFF).seed, 0u);
}

}  // namespace
}  // namespace samebits
