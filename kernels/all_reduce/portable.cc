// The tree over the leaves in vectors across the elements, block by block, so that the sums between
// leaves and root stay in the first-level cache.
#include "kernels/all_reduce/parts.h"
#include "kernels/core/lanes.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"

namespace samebits::all_reduce::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachVector;
using samebits::SAMEBITS_ISA::Load;
using samebits::SAMEBITS_ISA::Store;

constexpr std::int64_t kBlock = 1024;       // elements
constexpr std::int64_t kGrain = 16 * 1024;  // elements worth a task of their own

void Add(std::int64_t count, const float* a, const float* b, float* sum) {
  ForEachVector(count, [&]<class Values>(std::int64_t i) {
    Store<Values>(Load<Values>(a + i) + Load<Values>(b + i), sum + i);
  });
}

void Copy(std::int64_t count, const float* from, float* to) {
  if (from == to) return;
  ForEachVector(count,
                [&]<class Values>(std::int64_t i) { Store(Load<Values>(from + i), to + i); });
}

}  // namespace

void SumParts(const PartsInOrder& parts, std::int64_t begin, std::int64_t end) {
  const float** const stack = parts.stack;
  float* const blocks = Scratch(ScratchSlot::kPartials, parts.depth * kBlock);
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t count = end - first < kBlock ? end - first : kBlock;
    std::int64_t top = 0;
    for (std::int64_t i = 0; i < parts.count; ++i) {
      stack[top] = parts.data[i] + first;
      const std::int64_t level = top - parts.merges[i];
      // Where the part completes what is left there at the end, it goes to its place at once.
      const bool completes = parts.last[level] == i;
      float* const place = completes ? parts.sums[level] + first : blocks + level * kBlock;
      if (completes && level == top) Copy(count, stack[top], place);
      for (; top > level; --top) {
        float* const sum = top - 1 == level ? place : blocks + (top - 1) * kBlock;
        Add(count, stack[top - 1], stack[top], sum);
        stack[top - 1] = sum;
      }
      ++top;
    }
  }
}

void AllReduce(const Shape& s, const Buffers& buffers, Team& team) {
  float* const y = buffers.out(0);
  team.RunRanges(s.c, kGrain, [&](std::int64_t begin, std::int64_t end) {
    SumLeaves(s, buffers.in(0), y, begin, end, SumParts);
  });
}

}  // namespace samebits::all_reduce::SAMEBITS_ISA
