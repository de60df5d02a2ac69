// Embedding: rows of table[rows,c] by ids[n,l], each in [0, rows).
//
// Case: n (samples of the global batch) l (ids of a sample) c (channels) rows (of the table),
// v (leaves).
//
//   embedding_fwd_v1  y[n,l,c] = table[ids[n,l],c]; inputs table, ids
//   embedding_bwd_v1  dtable[row,c]: per leaf, channel sum of dy over the positions (n, l) whose id
//                     is the row, in order: those alone are terms, so the others keep no place;
//                     +0 where there is none; tree over the leaves; inputs ids, dy
#pragma once

#include "kernels/core/op.h"

namespace samebits::embedding {

struct Shape {
  std::int64_t n, l, c, rows, leaves;
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kForward;
extern const Op kBackward;

}  // namespace samebits::embedding
