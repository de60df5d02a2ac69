// All-reduce of ranks that fall into nodes, where messages within a node are cheap: the same bits.
//
// Within each node a reduce_scatter over its leaves, so that each of its m ranks has a block of
// what the node holds: one sum where that is a subtree, a few otherwise. Between nodes an
// all_reduce of each block, among the ranks that have it. Within each node an all_gather. The order
// is still the tree's: a node sums only subtrees, so nothing depends on which ranks share one.
//
// Between nodes a rank sends (P + 1) * (N - 1) / N of a block, the m-th part of the message, where
// its node holds P subtrees and there are N nodes: 1 / m of what it would send without the nodes.
#pragma once

#include <memory>
#include <optional>

#include "collectives/collectives.h"

namespace samebits {

class Hierarchy {
 public:
  // Node i has ranks [i * m, (i + 1) * m), m `ranks_of_a_node`, of which the ranks are a multiple.
  Hierarchy(Transport& transport, const LeafMap& map, int ranks_of_a_node,
            const CollectiveOptions& options = {});

  const std::vector<Subtree>& own() const { return within_->own(); }

  // As Collectives::AllReduce.
  void AllReduce(std::span<const float* const> parts, std::int64_t n, float* sum);

 private:
  std::unique_ptr<Transport> node_, peers_;
  std::optional<Collectives> within_, between_;
  std::vector<std::vector<float>> sums_;  // of the node; but for the first, which lies in `sum`
};

}  // namespace samebits
