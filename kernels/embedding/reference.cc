// The contract of embedding, one output and one term at a time.
#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding::reference {

void Forward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* table = buffers.in(0);
  const auto* ids = buffers.in<std::int32_t>(1);
  float* y = buffers.out(0);
  for (std::int64_t position = 0; position < s.n * s.l; ++position) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      y[position * s.c + c] = table[ids[position] * s.c + c];
    }
  }
}

void Backward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const auto* ids = buffers.in<std::int32_t>(0);
  const float* dy = buffers.in(1);
  float* dtable = buffers.out(0);
  for (std::int64_t row = 0; row < s.rows; ++row) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      Tree leaves;
      for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
        Dot sum;
        const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves) * s.l;
        for (std::int64_t i = LeafBegin(leaf, s.n, s.leaves) * s.l; i < end; ++i) {
          if (ids[i] == row) sum.Add(dy[i * s.c + c]);
        }
        leaves.Add(sum.Result());
      }
      dtable[row * s.c + c] = leaves.Result();
    }
  }
}

}  // namespace samebits::embedding::reference
