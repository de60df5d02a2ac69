// Embedding in plain C++: the compiler vectorises across channels.
#include <algorithm>
#include <bit>

#include "kernels/core/lane_dot.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::kChainTerms;
using samebits::SAMEBITS_ISA::LaneDot;

// The positions of one id, ascending: those of a leaf are neighbours.
struct Positions {
  const std::int64_t *begin, *end;
};

// All positions by id, by counting: of an id in order, from bucket[id] up to bucket[id + 1].
class Buckets {
 public:
  Buckets(const std::int32_t* ids, std::int64_t positions, std::int64_t rows) {
    const std::int64_t entries = rows + 1 + positions + 1;
    starts_ = static_cast<std::int64_t*>(ScratchBytes(
        ScratchSlot::kPlaces, static_cast<std::size_t>(entries) * sizeof(std::int64_t)));
    sorted_ = starts_ + rows + 1;
    for (std::int64_t row = 0; row <= rows; ++row) starts_[row] = 0;
    for (std::int64_t i = 0; i < positions; ++i) ++starts_[ids[i]];
    sorted_[positions] = 0;  // what would be next is fetched
    // The end of each id's bucket; filling from the last position moves it to the start.
    for (std::int64_t row = 1; row <= rows; ++row) starts_[row] += starts_[row - 1];
    for (std::int64_t i = positions; i-- > 0;) sorted_[--starts_[ids[i]]] = i;
  }

  Positions Of(std::int64_t row) const {
    return {sorted_ + starts_[row], sorted_ + starts_[row + 1]};
  }

 private:
  std::int64_t *starts_, *sorted_;
};

// Channels whose sums stay in a level-1 cache.
constexpr std::int64_t kBlock = 512;

constexpr int kRoot = 64;  // above all levels of a tree

// The positions of one leaf.
struct Group {
  Positions positions;
  int meets;  // the level of the tree at which this leaf meets the next group's
};

// The groups of an id, and how many. A leaf without positions is left out of the tree: it would add
// +0 to a leaf's sum or to a sum of those, none of which is -0, and so change nothing.
std::int64_t GroupByLeaves(const Shape& s, Positions all, Group* groups) {
  std::int64_t count = 0, last_leaf = 0;
  for (const std::int64_t* i = all.begin; i < all.end;) {
    const std::int64_t sample = *i / s.l, leaf = ((sample + 1) * s.leaves - 1) / s.n;
    if (count > 0) {
      groups[count - 1].meets = std::bit_width(static_cast<std::uint64_t>(leaf ^ last_leaf));
    }
    const std::int64_t behind = (leaf + 1) * s.n / s.leaves * s.l;
    const std::int64_t* const begin = i;
    while (i < all.end && *i < behind) ++i;
    groups[count++] = {{begin, i}, kRoot};
    last_leaf = leaf;
  }
  return count;
}

// A channel sum of `count` channels.
void Sum(const float* dy, std::int64_t c, Positions positions, std::int64_t count, float* sum) {
  if (positions.end - positions.begin > kChainTerms) {
    return ForEachLaneBlock(count, [&]<int W>(std::int64_t first) {
      LaneDot<W> dot;
      for (const std::int64_t* i = positions.begin; i < positions.end; ++i) {
        dot.Add(dy + *i * c + first, 0, 1);
      }
      dot.Result(sum + first);
    });
  }
  // One chain. Its rows lie far from one another, so each is read along, and the next one fetched.
  for (std::int64_t j = 0; j < count; ++j) sum[j] = 0.0f;
  for (const std::int64_t* i = positions.begin; i < positions.end; ++i) {
    const float *const row = dy + *i * c, *const next = dy + i[1] * c;
    for (std::int64_t j = 0; j < count; j += 16) __builtin_prefetch(next + j);
    for (std::int64_t j = 0; j < count; ++j) sum[j] = sum[j] + row[j];
  }
}

// The tree over the leaves; what waits for the leaves behind it waits in `waiting`, a block each.
void SumGroups(const float* dy, std::int64_t c, const Group* groups, std::int64_t group_count,
               std::int64_t count, float* waiting, float* out) {
  int meets[kRoot];  // of what waits with what comes behind it
  int waits = 0;
  const auto place = [&](int i) { return i == 0 ? out : waiting + (i - 1) * kBlock; };
  for (const Group* group = groups; group < groups + group_count; ++group) {
    Sum(dy, c, group->positions, count, place(waits));
    for (; waits > 0 && meets[waits - 1] < group->meets; --waits) {
      float* const left = place(waits - 1);
      const float* const right = place(waits);
      for (std::int64_t j = 0; j < count; ++j) left[j] = left[j] + right[j];
    }
    meets[waits++] = group->meets;
  }
}

// Elements worth a task of their own, as rows of c.
std::int64_t Grain(const Shape& s) { return 1 + 8192 / s.c; }

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* ids = buffers.in<std::int32_t>(1);
  team.RunRanges(s.n * s.l, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* row = buffers.in(0) + ids[i] * s.c;
      float* y = buffers.out(0) + i * s.c;
      for (std::int64_t c = 0; c < s.c; ++c) y[c] = row[c];
    }
  });
}

void Backward(const Shape& s, const Buffers& buffers, Team& team) {
  const std::int64_t all = s.n * s.l;
  const Buckets buckets(buffers.in<std::int32_t>(0), all, s.rows);
  team.RunRanges(s.rows, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    float* const waiting = Scratch(ScratchSlot::kPartials, kRoot * kBlock);
    auto* const groups = static_cast<Group*>(ScratchBytes(
        ScratchSlot::kLeaves, static_cast<std::size_t>(std::min(s.leaves, all)) * sizeof(Group)));
    for (std::int64_t row = begin; row < end; ++row) {
      float* const out = buffers.out(0) + row * s.c;
      const std::int64_t count = GroupByLeaves(s, buckets.Of(row), groups);
      if (count == 0) {
        for (std::int64_t c = 0; c < s.c; ++c) out[c] = 0.0f;
        continue;
      }
      for (std::int64_t c = 0; c < s.c; c += kBlock) {
        SumGroups(buffers.in(1) + c, s.c, groups, count, std::min(s.c - c, +kBlock), waiting,
                  out + c);
      }
    }
  });
}

}  // namespace samebits::embedding::SAMEBITS_ISA
