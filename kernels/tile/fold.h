// Where the sum of a finished chain goes: the contract's fold, as a plan over waiting sums.
//
// Chain c of n belongs to segment c / 16. Buffer 0 holds the open segment, buffer 1 + l the sum of
// a full subtree of 2^l segments. The sum of a chain is merged with the buffers of `merges` in
// turn (buffer + sum), and then waits in buffer `into`, or ends the dot.
#pragma once

#include <cstdint>

#include "kernels/core/contract.h"
#include "kernels/tile/tile.h"

namespace samebits::tile {

struct FoldStep {
  int merge[kMostMerges];
  int merges = 0;
  int into = 0;  // negative: the dot ends here
};

inline FoldStep FoldOf(std::int64_t chain, std::int64_t chains) {
  FoldStep step;
  const bool last = chain == chains - 1;
  if (chain % kSegment != 0) step.merge[step.merges++] = 0;
  if (chain % kSegment != kSegment - 1 && !last) return step;
  const std::int64_t segment = chain / kSegment;
  int level = 0;
  for (; segment >> level & 1; ++level) step.merge[step.merges++] = 1 + level;
  step.into = 1 + level;
  if (last) {
    while ((segment + 1) >> ++level) {
      if ((segment + 1) >> level & 1) step.merge[step.merges++] = 1 + level;
    }
    step.into = -1;
  }
  return step;
}

// The step that ends the dot of leaf `leaf`, one of `leaves` (a power of two): its sum goes on into
// the tree over the leaves, whose subtrees of 2^l leaves wait in buffer `first` + l.
inline FoldStep FoldLeaf(FoldStep step, std::int64_t leaf, std::int64_t leaves, int first) {
  int level = 0;
  for (; leaf >> level & 1; ++level) step.merge[step.merges++] = first + level;
  step.into = leaf == leaves - 1 ? -1 : first + level;
  return step;
}

// Buffers that a dot of so many chains needs: the segment, and ceil(log2(segments)) levels.
inline int FoldBuffers(std::int64_t chains) {
  int buffers = 1;
  for (std::int64_t n = (chains + kSegment - 1) / kSegment; n > 1; n = (n + 1) / 2) ++buffers;
  return buffers;
}

}  // namespace samebits::tile
