// The leaves of a batch, parted: which nodes of the contract's tree a worker can sum alone, and how
// their sums meet. A worker is a thread, a turn of one that accumulates, a rank, a node of ranks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/core/contract.h"

namespace samebits {

// A node of the tree: leaves [first, first + leaves), `leaves` a power of two that divides `first`.
struct Subtree {
  std::int64_t first, leaves;

  bool operator==(const Subtree&) const = default;
};

// The largest subtrees that these leaves, ascending, are made of.
std::vector<Subtree> SubtreesOf(std::span<const std::int64_t> leaves);
std::vector<Subtree> SubtreesOf(std::int64_t first, std::int64_t leaves);

// How the sums of subtrees, ascending, meet: they are put on a stack one after the other, and
// behind the i-th the upper two become their sum merges[i] times.
struct Meeting {
  std::vector<int> merges;
  std::vector<Subtree> sums;  // what is on the stack at the end
};

Meeting MeetingOf(std::span<const Subtree> subtrees);

// The sum of one subtree, of a batch of so many leaves. compute(samples, leaves, first, sum) gives
// that of a batch of the samples from `first` on alone: one call, where the borders of its leaves
// are the same; else the halves are added.
template <class Compute>
void SumOfLeaves(const Subtree& subtree, std::int64_t batch, std::int64_t all, std::span<float> sum,
                 const Compute& compute) {
  const auto [first, leaves] = subtree;
  const std::int64_t begin = LeafBegin(first, batch, all);
  const std::int64_t samples = LeafBegin(first + leaves, batch, all) - begin;
  if (samples == 0) {
    std::ranges::fill(sum, 0.0f);
    return;
  }
  bool same_borders = true;
  for (std::int64_t i = 1; i < leaves; ++i) {
    same_borders &= LeafBegin(i, samples, leaves) == LeafBegin(first + i, batch, all) - begin;
  }
  if (same_borders) return compute(samples, leaves, begin, sum.data());
  SumOfLeaves({first, leaves / 2}, batch, all, sum, compute);
  std::vector<float> right(sum.size());
  SumOfLeaves({first + leaves / 2, leaves / 2}, batch, all, right, compute);
  std::ranges::transform(sum, right, sum.begin(), std::plus());
}

}  // namespace samebits
