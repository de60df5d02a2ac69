// The all-reduce of the contract's tree against those of libraries: whose bits are the same, and
// what that costs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/rounds.h"
#include "collectives/collectives.h"

namespace samebits {

// Ours, the tree; the local sum of gathered messages, left to right; those of the engine.
inline constexpr const char* kTree = "tree";
inline constexpr const char* kGatherAndSum = "gather_and_sum";

// What moves the bits of one algorithm, each against its own plain run.
struct ReduceVerdict {
  std::string algorithm;
  bool runs;     // the same bits again and again
  bool sizes;    // of an element, however long the message it is in
  bool fusing;   // of a tensor, alone or behind another one in one message
  bool ranks;    // as one rank has them: the golden's
  bool repeats;  // as the tree's: runs, sizes, fusing and ranks
};

struct ReducePrice {
  std::size_t bytes;  // of the message
  std::string algorithm;
  double seconds;        // median
  Ratio ratio;           // time of the algorithm / time of the tree: above 1 the tree is faster
  Traffic traffic = {};  // of the tree
  // What the tree should take, where a message and a byte cost what they do in the shortest and the
  // longest message of the list.
  double modelled = 0;
};

// A whole training step, whose gradients meet by one algorithm.
struct ReduceStep {
  std::string algorithm;
  double seconds;  // median
  Ratio ratio;     // time / time with the tree
};

struct ReduceList {
  int ranks;
  std::int64_t leaves;
  std::vector<ReduceVerdict> verdicts;
  std::vector<ReducePrice> prices;
  std::vector<ReduceStep> steps;  // the tree first
};

struct ReduceSettings {
  std::int64_t leaves = 8;
  std::size_t least = 1 << 10, most = std::size_t{256} << 20;  // bytes of a message
  int rounds = 9;
  CollectiveOptions collectives = {};
  bool steps = false;  // times training steps, too: of the recipe CNN, on one thread a rank
};

// All ranks call it alike; the result is the first one's.
ReduceList PriceAllReduce(Transport& transport, const ReduceSettings& settings,
                          const std::function<void(const std::string&)>& progress);

}  // namespace samebits
