// Embedding in plain C++: the compiler vectorises across channels.
#include "kernels/core/lane_dot.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::LaneDot;

// The positions of one id, ascending: those of a leaf are neighbours.
struct Positions {
  const std::int64_t *begin, *end;
};

// All positions by id, by counting: of an id in order, from bucket[id] up to bucket[id + 1].
class Buckets {
 public:
  Buckets(const std::int32_t* ids, std::int64_t positions, std::int64_t rows) {
    const std::int64_t entries = rows + 1 + positions;
    starts_ = static_cast<std::int64_t*>(ScratchBytes(
        ScratchSlot::kPlaces, static_cast<std::size_t>(entries) * sizeof(std::int64_t)));
    sorted_ = starts_ + rows + 1;
    for (std::int64_t row = 0; row <= rows; ++row) starts_[row] = 0;
    for (std::int64_t i = 0; i < positions; ++i) ++starts_[ids[i]];
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

const std::int64_t* FirstFrom(std::int64_t position, Positions sorted) {
  while (sorted.begin < sorted.end) {
    const std::int64_t* middle = sorted.begin + (sorted.end - sorted.begin) / 2;
    if (*middle < position) {
      sorted.begin = middle + 1;
    } else {
      sorted.end = middle;
    }
  }
  return sorted.begin;
}

// The tree over leaves [leaf, leaf + leaves), a power of two, of their sums over `positions`, of
// which there are some. A half without positions is left out: it would add +0 to a leaf's sum or
// to a sum of those, none of which is -0, and so change nothing.
template <int W>
void SumLeaves(const Shape& s, const float* dy, Positions positions, std::int64_t leaf,
               std::int64_t leaves, float* sum) {
  if (leaves == 1) {
    LaneDot<W> dot;
    for (const std::int64_t* i = positions.begin; i < positions.end; ++i) {
      dot.Add(dy + *i * s.c, 0, 1);
    }
    dot.Result(sum);
    return;
  }
  const std::int64_t half = leaves / 2;
  const std::int64_t* border = FirstFrom((leaf + half) * s.n / s.leaves * s.l, positions);
  const Positions left{positions.begin, border}, right{border, positions.end};
  if (left.begin == left.end) {
    SumLeaves<W>(s, dy, right, leaf + half, half, sum);
  } else {
    SumLeaves<W>(s, dy, left, leaf, half, sum);
    if (right.begin == right.end) return;
    float more[W];
    SumLeaves<W>(s, dy, right, leaf + half, half, more);
    for (int j = 0; j < W; ++j) sum[j] = sum[j] + more[j];
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
  const Buckets buckets(buffers.in<std::int32_t>(0), s.n * s.l, s.rows);
  team.RunRanges(s.rows, Grain(s), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const Positions positions = buckets.Of(row);
      float* out = buffers.out(0) + row * s.c;
      if (positions.begin == positions.end) {
        for (std::int64_t c = 0; c < s.c; ++c) out[c] = 0.0f;
        continue;
      }
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
        SumLeaves<W>(s, buffers.in(1) + c, positions, 0, s.leaves, out + c);
      });
    }
  });
}

}  // namespace samebits::embedding::SAMEBITS_ISA
