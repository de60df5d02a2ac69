// A simple recurrent layer: what runs from step to step of a sequence. The inputs' part, x_t * w +
// b for all steps at once, and the gradients of w, b, u and x are those of conv2d with a filter of
// one pixel over an "image" of l rows and one column.
//
// Case: n (samples) l (steps of a sequence), k (units; of step_mask c, channels).
//
//   simple_rnn_fwd_v1  s_t = h_(t-1) * mask, with h_(-1) = +0
//                      h_t[j] = tanh(z_t[j] + dot over i of s_t[i] * u[i,j])
//                      inputs z[n,l,k], u[k,k], mask[n,k]; outputs y[n,k] = h_(l-1), h[n,l,k],
//                      s[n,l,k]
//   simple_rnn_bwd_v1  g_(l-1) = dy, and before it g_t[i] = mask[i] * (dot over j of
//                      dz_(t+1)[j] * u[i,j]);  dz_t = g_t * (1 - h_t * h_t)
//                      inputs h[n,l,k], u[k,k], mask[n,k], dy[n,k]; output dz[n,l,k]
//   step_mask_v1       y[n,l,c] = x[n,l,c] * mask[n,c]: one mask for all steps of a sample; its own
//                      gradient, too
//
// tanh is correctly rounded (kernels/math/tanh.h).
#pragma once

#include "kernels/core/op.h"

namespace samebits::rnn {

struct Shape {
  std::int64_t n, l, k;
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);
Shape MaskShapeOf(const Case& c);

extern const Op kForward;
extern const Op kBackward;
extern const Op kStepMask;

}  // namespace samebits::rnn
