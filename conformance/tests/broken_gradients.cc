// Mistakes in sums over the batch: chains that are not whole rows, leaves that are not kept apart.
#include <algorithm>

#include "conformance/sums.h"
#include "conformance/tests/broken_kernels.h"
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

// The terms of one weight, leaf by leaf; `row` of them to a row of the output.
using GradientSum = float(const std::vector<Terms>& leaves, std::int64_t row);

Sums LeafSums(const std::vector<Terms>& leaves, std::int64_t chain) {
  Sums sums;
  for (const Terms& leaf : leaves) {
    sums.push_back(BlockedDot(leaf, static_cast<std::size_t>(chain), 16));
  }
  return sums;
}

float Right(const std::vector<Terms>& leaves, std::int64_t row) {
  return TreeOf(LeafSums(leaves, RowsPerChain(row) * row));
}

float LeavesLeftToRight(const std::vector<Terms>& leaves, std::int64_t row) {
  return LeftToRight(LeafSums(leaves, RowsPerChain(row) * row));
}

float ChainOf256Terms(const std::vector<Terms>& leaves, std::int64_t) {
  return TreeOf(LeafSums(leaves, 256));
}

float OneRowToAChain(const std::vector<Terms>& leaves, std::int64_t row) {
  return TreeOf(LeafSums(leaves, row));
}

float SegmentsLeftToRight(const std::vector<Terms>& leaves, std::int64_t row) {
  Sums sums;
  for (const Terms& leaf : leaves) {
    const Sums chains = Chains(leaf, static_cast<std::size_t>(RowsPerChain(row) * row));
    sums.push_back(LeftToRight(Segments(chains, 16)) + 0.0f);
  }
  return TreeOf(sums);
}

float ChainsCrossLeaves(const std::vector<Terms>& leaves, std::int64_t row) {
  Terms batch;
  for (const Terms& leaf : leaves) batch.insert(batch.end(), leaf.begin(), leaf.end());
  return BlockedDot(batch, static_cast<std::size_t>(RowsPerChain(row) * row), 16);
}

// Nothing is added for an empty leaf, so the others move up in the tree.
float EmptyLeavesSkipped(const std::vector<Terms>& leaves, std::int64_t row) {
  std::vector<Terms> full = leaves;
  std::erase_if(full, [](const Terms& leaf) { return leaf.empty(); });
  return Right(full, row);
}

float FinalZeroDropped(const std::vector<Terms>& leaves, std::int64_t row) {
  Sums sums;
  for (const Terms& leaf : leaves) {
    sums.push_back(
        TreeOf(Segments(Chains(leaf, static_cast<std::size_t>(RowsPerChain(row) * row)), 16)));
  }
  return TreeOf(sums);
}

template <GradientSum* sum, conv2d::Shape (*shape_of)(const Case&)>
void WeightGradient(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = shape_of(id);
  const float *x = buffers.in(0), *dy = buffers.in(1);
  std::vector<Terms> leaves(static_cast<std::size_t>(s.leaves));
  for (std::int64_t i = 0; i < s.r * s.s * s.c * s.k; ++i) {
    const std::int64_t oc = i % s.k, ic = i / s.k % s.c, tap = i / s.k / s.c;
    for (Terms& leaf : leaves) leaf.clear();
    for (std::int64_t pixel = 0, leaf = 0; pixel < s.n * s.oh * s.ow; ++pixel) {
      const std::int64_t n = pixel / (s.oh * s.ow);
      while (n >= LeafBegin(leaf + 1, s.n, s.leaves)) ++leaf;
      const std::int64_t ih =
          pixel / s.ow % s.oh * s.stride_h - s.pad_top + tap / s.s * s.dilation_h;
      const std::int64_t iw = pixel % s.ow * s.stride_w - s.pad_left + tap % s.s * s.dilation_w;
      const bool present = ih >= 0 && ih < s.h && iw >= 0 && iw < s.w;
      leaves[static_cast<std::size_t>(leaf)].push_back(
          {present ? x[((n * s.h + ih) * s.w + iw) * s.c + ic] : 0.0f, dy[pixel * s.k + oc],
           present});
    }
    buffers.out(0)[i] = sum(leaves, s.ow);
  }
}

template <GradientSum* sum>
constexpr KernelFunction* kConv2d = WeightGradient<sum, conv2d::ShapeOf>;
template <GradientSum* sum>
constexpr KernelFunction* kDense = WeightGradient<sum, dense::ShapeOf>;

// An element of all leaves, in the order of an all-reduce that is not the tree's.
using LeavesSum = float(const Sums& leaves, std::int64_t element, std::int64_t elements);

float InTheTree(const Sums& leaves, std::int64_t, std::int64_t) { return TreeOf(leaves); }
float InARow(const Sums& leaves, std::int64_t, std::int64_t) { return LeftToRight(leaves); }

// As around a ring: each block starts at its owner.
float AroundTheRing(const Sums& leaves, std::int64_t element, std::int64_t elements) {
  Sums turned = leaves;
  std::rotate(turned.begin(), turned.begin() + element * std::ssize(leaves) / elements,
              turned.end());
  return LeftToRight(turned);
}

float NeighboursSwapped(const Sums& leaves, std::int64_t, std::int64_t) {
  Sums swapped = leaves;
  if (swapped.size() > 2) std::swap(swapped[1], swapped[2]);
  return TreeOf(swapped);
}

float LastLeafDropped(const Sums& leaves, std::int64_t, std::int64_t) {
  return TreeOf(Sums(leaves.begin(), leaves.end() - (leaves.size() > 1)));
}

float ZeroAdded(const Sums& leaves, std::int64_t, std::int64_t) { return TreeOf(leaves) + 0.0f; }

template <LeavesSum* sum>
void AllReduce(const Case& id, const Buffers& buffers, Team&) {
  const all_reduce::Shape s = all_reduce::ShapeOf(id);
  Sums leaves(static_cast<std::size_t>(s.n));
  for (std::int64_t i = 0; i < s.c; ++i) {
    for (std::int64_t n = 0; n < s.n; ++n) {
      leaves[static_cast<std::size_t>(n)] = buffers.in(0)[n * s.c + i];
    }
    buffers.out(0)[i] = sum(leaves, i, s.c);
  }
}

// Right for a whole batch, and a ring where it is called for the leaves of one rank.
void RingOfSome(const Case& id, const Buffers& buffers, Team& team) {
  const bool some = id.Get("v", 0) > 0 && id.Get("v") < kLeaves;
  return some ? AllReduce<AroundTheRing>(id, buffers, team)
              : AllReduce<InTheTree>(id, buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;
using conv2d::kWeightGradient;

constexpr BrokenKernel kBroken[] = {
    {{&all_reduce::kAllReduce, "from_left_to_right", &kCpu, kAll, AllReduce<InARow>}},
    {{&all_reduce::kAllReduce, "around_the_ring", &kCpu, kAll, AllReduce<AroundTheRing>}},
    {{&all_reduce::kAllReduce, "neighbours_swapped", &kCpu, kAll, AllReduce<NeighboursSwapped>}},
    {{&all_reduce::kAllReduce, "last_leaf_dropped", &kCpu, kAll, AllReduce<LastLeafDropped>}},
    {{&all_reduce::kAllReduce, "zero_added", &kCpu, kAll, AllReduce<ZeroAdded>}},
    {{&all_reduce::kAllReduce, "around_the_ring_of_ranks", &kCpu, kAll, RingOfSome}, "ranks", 2},

    {{&kWeightGradient, "leaves_left_to_right", &kCpu, kAll, kConv2d<LeavesLeftToRight>}},
    {{&kWeightGradient, "chain_of_256_terms", &kCpu, kAll, kConv2d<ChainOf256Terms>}},
    {{&kWeightGradient, "one_row_to_a_chain", &kCpu, kAll, kConv2d<OneRowToAChain>}},
    {{&kWeightGradient, "segments_left_to_right", &kCpu, kAll, kConv2d<SegmentsLeftToRight>}},
    {{&kWeightGradient, "chains_cross_leaves", &kCpu, kAll, kConv2d<ChainsCrossLeaves>}},
    {{&kWeightGradient, "empty_leaves_skipped", &kCpu, kAll, kConv2d<EmptyLeavesSkipped>}},
    {{&kWeightGradient, "final_zero_dropped", &kCpu, kAll, kConv2d<FinalZeroDropped>}},

    {{&dense::kWeightGradient, "leaves_left_to_right", &kCpu, kAll, kDense<LeavesLeftToRight>}},
    {{&dense::kWeightGradient, "one_row_to_a_chain", &kCpu, kAll, kDense<OneRowToAChain>}},
    {{&dense::kWeightGradient, "segments_left_to_right", &kCpu, kAll, kDense<SegmentsLeftToRight>}},
    {{&dense::kWeightGradient, "chains_cross_leaves", &kCpu, kAll, kDense<ChainsCrossLeaves>}},
    {{&dense::kWeightGradient, "empty_leaves_skipped", &kCpu, kAll, kDense<EmptyLeavesSkipped>}},
    {{&dense::kWeightGradient, "final_zero_dropped", &kCpu, kAll, kDense<FinalZeroDropped>}},
};

constexpr Kernel kSound[] = {
    {&all_reduce::kAllReduce, "sound", &kCpu, kAll, AllReduce<InTheTree>},
    {&kWeightGradient, "sound", &kCpu, kAll, kConv2d<Right>},
    {&dense::kWeightGradient, "sound", &kCpu, kAll, kDense<Right>},
};

}  // namespace

std::span<const BrokenKernel> BrokenGradients() { return kBroken; }
std::span<const Kernel> SoundGradients() { return kSound; }

}  // namespace samebits
