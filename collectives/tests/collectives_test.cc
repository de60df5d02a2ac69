// The collectives give the tree over the leaves, whoever holds them; and mistakes that libraries
// make would show.
#include "collectives/collectives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include <fmt/format.h>

#include "collectives/hierarchy.h"
#include "collectives/local.h"
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits {
namespace {

using testing::ElementsAre;
using Floats = std::vector<float>;

// Leaves whose sums lose most of their digits, so that any other order shows.
std::vector<Floats> LeavesOf(std::int64_t leaves, std::int64_t n) {
  std::vector<Floats> all;
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    const Case c = Case::Parse(fmt::format("n{}_cancel_seed812", leaves));
    all.emplace_back(static_cast<std::size_t>(n));
    FillFloats(c, static_cast<int>(leaf), all.back());
  }
  return all;
}

Floats TreeOver(const std::vector<Floats>& leaves, std::int64_t first, std::int64_t count) {
  Floats sums;
  for (std::size_t i = 0; i < leaves[0].size(); ++i) {
    Tree tree;
    for (std::int64_t leaf = first; leaf < first + count; ++leaf) {
      tree.Add(leaves[static_cast<std::size_t>(leaf)][i]);
    }
    sums.push_back(tree.Result());
  }
  return sums;
}

Floats TreeOver(const std::vector<Floats>& leaves) {
  return TreeOver(leaves, 0, std::ssize(leaves));
}

bool SameBits(const Floats& a, const Floats& b) {
  return std::ranges::equal(a, b, {}, std::bit_cast<std::uint32_t, float>,
                            std::bit_cast<std::uint32_t, float>);
}

// What a rank holds: a sum for each of its subtrees.
std::vector<Floats> PartsOf(const Collectives& collectives, const std::vector<Floats>& leaves) {
  std::vector<Floats> parts;
  for (const Subtree& own : collectives.own()) {
    parts.push_back(TreeOver(leaves, own.first, own.leaves));
  }
  return parts;
}

std::vector<const float*> Pointers(const std::vector<Floats>& parts) {
  std::vector<const float*> pointers;
  for (const Floats& part : parts) pointers.push_back(part.data());
  return pointers;
}

// Every rank's result of an all-reduce.
std::vector<Floats> AllReduced(const std::vector<Floats>& leaves, const LeafMap& map,
                               const CollectiveOptions& options = {}) {
  std::vector<Floats> results(map.size(), Floats(leaves[0].size()));
  RunLocalRanks(static_cast<int>(map.size()), [&](Transport& transport) {
    Collectives collectives(transport, map, options);
    const std::vector<Floats> parts = PartsOf(collectives, leaves);
    Floats& result = results[static_cast<std::size_t>(transport.rank())];
    collectives.AllReduce(Pointers(parts), std::ssize(result), result.data());
  });
  return results;
}

// The first rank has nearly all.
LeafMap Uneven(int ranks, std::int64_t leaves) {
  LeafMap map(static_cast<std::size_t>(ranks));
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    const std::int64_t others = leaves - ranks + 1;
    map[static_cast<std::size_t>(std::max<std::int64_t>(0, leaf - others + 1))].push_back(leaf);
  }
  return map;
}

TEST(CollectivesTest, AnyRanksAndAnyMapping) {
  for (const std::int64_t n : {1, 2, 9, 1000}) {
    const std::vector<Floats> leaves = LeavesOf(8, n);
    const Floats want = TreeOver(leaves);
    for (const int ranks : {1, 2, 3, 4, 5, 6, 7, 8}) {
      std::vector<LeafMap> maps = {Uneven(ranks, 8)};
      for (const Mapping mapping : kMappings) maps.push_back(LeavesBy(mapping, ranks, 8));
      for (const LeafMap& map : maps) {
        for (const Floats& got : AllReduced(leaves, map)) {
          ASSERT_TRUE(SameBits(got, want)) << ranks << " ranks, " << n << " elements";
        }
      }
    }
  }
}

TEST(CollectivesTest, AnyMessageAndAnyChunk) {
  for (const std::int64_t n : {3, 4097, 100003, 1 << 20}) {
    const std::vector<Floats> leaves = LeavesOf(8, n);
    const Floats want = TreeOver(leaves);
    for (const int ranks : {2, 3, 8}) {
      for (const std::size_t chunk : {4, 1000, 65536, 1 << 22}) {
        if (n / static_cast<std::int64_t>(chunk) > 10000) continue;
        for (const Floats& got : AllReduced(leaves, LeavesInOrder(ranks, 8), {chunk})) {
          ASSERT_TRUE(SameBits(got, want)) << ranks << " ranks, " << n << " by " << chunk;
        }
      }
    }
  }
}

TEST(CollectivesTest, OtherNumbersOfLeaves) {
  for (const std::int64_t leaves_of : {1, 2, 64, 256}) {
    const std::vector<Floats> leaves = LeavesOf(leaves_of, 37);
    for (const int ranks : {1, 2, 5, 64}) {
      if (ranks > leaves_of) continue;
      for (const Floats& got : AllReduced(leaves, LeavesInOrder(ranks, leaves_of))) {
        ASSERT_TRUE(SameBits(got, TreeOver(leaves)))
            << ranks << " ranks, " << leaves_of << " leaves";
      }
    }
  }
}

// A message in buckets, one of them in place, with messages of other lengths between them.
TEST(CollectivesTest, AnyBuckets) {
  const std::vector<Floats> leaves = LeavesOf(8, 5000);
  const Floats want = TreeOver(leaves);
  for (const std::int64_t bucket : {7, 77, 1024, 5000}) {
    RunLocalRanks(4, [&](Transport& transport) {
      Collectives collectives(transport, LeavesInOrder(4, 8), {512});
      std::vector<Floats> parts = PartsOf(collectives, leaves);
      for (std::int64_t end = 5000; end > 0; end -= bucket) {  // the last layer first
        const std::int64_t begin = std::max<std::int64_t>(0, end - bucket);
        float* const part = parts[0].data() + begin;
        collectives.AllReduce(std::vector<const float*>{part}, end - begin, part);
        AllGatherBytes(transport, std::as_bytes(std::span(part, 1)));
      }
      EXPECT_TRUE(SameBits(parts[0], want)) << bucket;
    });
  }
}

TEST(CollectivesTest, AnAllReduceIsAReduceScatterAndAnAllGather) {
  const std::vector<Floats> leaves = LeavesOf(8, 1001);
  const Floats want = TreeOver(leaves);
  for (const int ranks : {1, 3, 8}) {
    RunLocalRanks(ranks, [&](Transport& transport) {
      Collectives collectives(transport, LeavesBy(Mapping::kRoundRobin, ranks, 8), {256});
      Floats sum(1001, -1.0f);
      const std::vector<Floats> parts = PartsOf(collectives, leaves);
      float* const place = sum.data();
      collectives.ReduceScatter(Pointers(parts), 1001, {&place, 1});
      const auto begin = static_cast<std::size_t>(collectives.BlockBegin(transport.rank(), 1001));
      const auto end = static_cast<std::size_t>(collectives.BlockBegin(transport.rank() + 1, 1001));
      for (std::size_t i = 0; i < sum.size(); ++i) {
        ASSERT_EQ(sum[i], i >= begin && i < end ? want[i] : -1.0f);
      }
      collectives.AllGather(1001, sum.data());
      EXPECT_TRUE(SameBits(sum, want));
    });
  }
}

TEST(CollectivesTest, SubtreesThatRanksHold) {
  const LeafMap three = LeavesInOrder(3, 8);
  EXPECT_THAT(SubtreesOf(three[0]), ElementsAre(Subtree{0, 2}));
  EXPECT_THAT(SubtreesOf(three[1]), ElementsAre(Subtree{2, 2}, Subtree{4, 1}));
  EXPECT_THAT(SubtreesOf(three[2]), ElementsAre(Subtree{5, 1}, Subtree{6, 2}));
  EXPECT_THAT(SubtreesOf(LeavesBy(Mapping::kRoundRobin, 2, 8)[0]),
              ElementsAre(Subtree{0, 1}, Subtree{2, 1}, Subtree{4, 1}, Subtree{6, 1}));
  EXPECT_THAT(SubtreesOf(1, 7), ElementsAre(Subtree{1, 1}, Subtree{2, 2}, Subtree{4, 4}));
}

TEST(CollectivesTest, MoreRanksThanLeavesAreRefused) {
  EXPECT_THROW(LeavesInOrder(9, 8), UserError);
  EXPECT_THROW(LeavesInOrder(2, 6), UserError);
}

// Nodes that sum what they hold first, whole subtrees or not.
TEST(CollectivesTest, AHierarchyOfNodesHasTheSameBits) {
  struct Machine {
    int nodes, ranks_of_a_node;
    std::int64_t leaves;
  };
  for (const Machine& machine :
       {Machine{2, 2, 8}, {2, 3, 8}, {3, 2, 16}, {8, 8, 64}, {1, 4, 8}, {4, 1, 8}}) {
    const int nodes = machine.nodes, each = machine.ranks_of_a_node;
    const std::int64_t leaves_of = machine.leaves;
    const std::vector<Floats> leaves = LeavesOf(leaves_of, 1003);
    const Floats want = TreeOver(leaves);
    RunLocalRanks(nodes * each, [&](Transport& transport) {
      Hierarchy hierarchy(transport, LeavesInOrder(nodes * each, leaves_of), each, {256});
      std::vector<Floats> parts;
      for (const Subtree& own : hierarchy.own()) {
        parts.push_back(TreeOver(leaves, own.first, own.leaves));
      }
      Floats sum(1003);
      hierarchy.AllReduce(Pointers(parts), 1003, sum.data());
      EXPECT_TRUE(SameBits(sum, want)) << nodes << " nodes of " << each;
    });
  }
}

// A transport whose messages lie in memory of its own, as NCCL's in that of a GPU.
class Elsewhere : public Transport, public Place {
 public:
  explicit Elsewhere(Transport& transport) : transport_(transport) {}
  int rank() const override { return transport_.rank(); }
  int size() const override { return transport_.size(); }
  Place* place() override { return this; }
  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    for (const Send& send : sends) EXPECT_TRUE(Holds(send.data));
    for (const Receive& receive : receives) EXPECT_TRUE(Holds(receive.data));
    return transport_.Start(sends, receives);
  }
  std::shared_ptr<float> Allocate(std::size_t floats) override {
    const auto memory = std::make_shared<Floats>(floats);
    memory_.push_back(memory);
    return {memory, memory->data()};
  }
  bool Holds(const void* data) override {
    return std::ranges::any_of(memory_, [&](const std::weak_ptr<Floats>& weak) {
      const auto memory = weak.lock();
      return memory && data >= memory->data() && data < memory->data() + memory->size();
    });
  }
  void Copy(const float* from, float* to, std::size_t floats) override {
    EXPECT_NE(Holds(from), Holds(to));
    std::copy_n(from, floats, to);
  }
  void SumParts(const float* const* parts, std::span<const int> merges, std::int64_t elements,
                float* const* sums) override {
    for (std::size_t i = 0; i < merges.size(); ++i) EXPECT_TRUE(Holds(parts[i]));
    all_reduce::SumParts(parts, merges, elements, sums);
  }

 private:
  Transport& transport_;
  std::vector<std::weak_ptr<Floats>> memory_;
};

TEST(CollectivesTest, MemoryOfAnEnginesOwn) {
  const std::vector<Floats> leaves = LeavesOf(8, 2003);
  for (const int ranks : {1, 2, 3, 8}) {
    RunLocalRanks(ranks, [&](Transport& transport) {
      Elsewhere elsewhere(transport);
      Collectives collectives(elsewhere, LeavesInOrder(ranks, 8), {400});
      const std::vector<Floats> parts = PartsOf(collectives, leaves);
      Floats sum(2003);
      collectives.AllReduce(Pointers(parts), 2003, sum.data());
      EXPECT_TRUE(SameBits(sum, TreeOver(leaves))) << ranks << " ranks";
    });
  }
}

// What the tests above would say of other orders.
class WrongCollectives : public testing::Test {
 protected:
  const std::vector<Floats> leaves_ = LeavesOf(8, 1000);
  const Floats want_ = TreeOver(leaves_);
};

// Each block goes around the ring and starts at its owner.
TEST_F(WrongCollectives, ARingShows) {
  Floats ring(1000);
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const std::size_t owner = i * 8 / ring.size();
    float sum = leaves_[owner][i];
    for (std::size_t step = 1; step < 8; ++step) sum = sum + leaves_[(owner + step) % 8][i];
    ring[i] = sum;
  }
  EXPECT_FALSE(SameBits(ring, want_));
}

TEST_F(WrongCollectives, LeavesInOthersPlacesShow) {
  std::vector<Floats> swapped = leaves_;
  std::swap(swapped[1], swapped[2]);
  for (const Floats& got : AllReduced(swapped, LeavesInOrder(4, 8))) {
    EXPECT_FALSE(SameBits(got, want_));
  }
}

TEST_F(WrongCollectives, ALeafLeftOutShows) {
  std::vector<Floats> fewer = leaves_;
  std::ranges::fill(fewer[5], 0.0f);
  for (const Floats& got : AllReduced(fewer, LeavesInOrder(3, 8))) {
    EXPECT_FALSE(SameBits(got, want_));
  }
}

TEST_F(WrongCollectives, AtomicsShow) {
  RunLocalRanks(8, [&](Transport& transport) {
    Floats sum = leaves_[static_cast<std::size_t>(transport.rank())];
    transport.OwnAllReduce("atomics", sum.data(), sum.size());
    EXPECT_FALSE(SameBits(sum, want_));
  });
}

}  // namespace
}  // namespace samebits
