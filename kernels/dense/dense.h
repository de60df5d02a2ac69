// dense: x[n,c] times w[c,k].
//
// Case: n (samples) c (inputs) k (outputs), v (leaves), word "relu" (forward only); bfloat16 or
// float16 (kernels/convert/stored.h; dw and db are sums over leaves, and stay binary32).
//
//   dense_fwd_v1    y[n,o] = act(dot over i of x[n,i] * w[i,o], + b[o])
//   dense_dgrad_v1  dx[n,i] = dot over o of dy[n,o] * w[i,o]
//   dense_wgrad_v1  dw[i,o]: per leaf, dot over its samples of x[n,i] * dy[n,o]; tree over leaves
//   dense_bgrad_v1  db[o]: per leaf, channel sum over its samples of dy; tree over leaves
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/op.h"

namespace samebits::dense {

// A dense layer is the convolution of one pixel: its terms have the same order. Fast kernels use
// this; the reference does not. Throws UserError when an extent is out of range.
conv2d::Shape ShapeOf(const Case& c);

extern const Op kForward;
extern const Op kDataGradient;
extern const Op kWeightGradient;
extern const Op kBiasGradient;

}  // namespace samebits::dense
