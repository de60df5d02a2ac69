// Softmax of x[n,c] over c, alone and with cross-entropy, from logits x and labels in [0, c).
//
// Case: n (samples of the global batch) c (classes), and for cross-entropy v (leaves). Where n are
// only some leaves of a larger batch: of (its samples), by which gradients are divided; the loss
// then stays a sum, to be divided when those of all leaves have met.
//
//   softmax_fwd_v1       m = largest x_i (NaN if any); e_i = exp(x_i - m); s = row sum of e;
//                        y_i = e_i / s
//   softmax_bwd_v1       s = row sum of dy_i * y_i, the product rounded, then added;
//                        dx_i = y_i * (dy_i - s); inputs y, dy
//   softmax_xent_fwd_v1  m, s and y as softmax_fwd_v1; loss of a sample = log(s) - (x_label - m);
//                        loss = (per leaf a row sum over its samples, tree over the leaves) /
//                        f32(n); outputs loss[1], y[n,c]
//   softmax_xent_bwd_v1  dx_i = (y_i - onehot_i) / f32(n); inputs y, labels
#pragma once

#include "kernels/core/op.h"

namespace samebits::softmax {

struct Shape {
  std::int64_t n, c, leaves;
  float batch;   // f32(samples of the global batch)
  bool is_part;  // of it
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kForward;
extern const Op kBackward;
extern const Op kCrossEntropyForward;
extern const Op kCrossEntropyBackward;

}  // namespace samebits::softmax
