// The leaves of a batch, parted: which nodes of the contract's tree a worker can sum alone, and how
// their sums meet. A worker is a thread, a turn of one that accumulates, a rank, a node of ranks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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

}  // namespace samebits
