// Losses over every element of a global batch.
//
// Case: n (samples of the global batch) c (elements of a sample), v (leaves); of, where n are only
// some leaves of a larger batch, as with softmax_xent (kernels/softmax/softmax.h).
//
//   mse_v1          from y, t: d = y - t; term d * d; gradient dy = (2 * d) / f32(n*c)
//   binary_xent_v1  from logits x and targets t, 0 or 1: term
//                   (max(x, 0) - x * t) + log(1 + exp(-abs(x))), with max(x, 0) = x where x > 0 or
//                   x is NaN, else +0; gradient dx = (1 / (1 + exp(-x)) - t) / f32(n*c)
//
//   loss = (per sample a row sum of its terms, per leaf a row sum of those, tree over the leaves) /
//   f32(n*c); outputs loss[1], gradient[n,c]
#pragma once

#include "kernels/core/op.h"

namespace samebits::loss {

struct Shape {
  std::int64_t n, c, leaves;
  float elements;  // f32(n*c), n of the global batch
  bool is_part;    // of it
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kMeanSquaredError;
extern const Op kBinaryCrossEntropy;

}  // namespace samebits::loss
