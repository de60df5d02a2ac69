// conv2d: activations NHWC, filters HWIO, no flip.
//
// Case: n h w c (input), k r s (output channels, filter height and width), and where they differ
// from 1 or 0: t (stride; th tw of one direction), d (dilation; dh dw), p (padding on all four
// sides; pt pl pb pr of one), v (leaves), word "relu" (forward only); bfloat16 or float16
// (kernels/convert/stored.h; dw and db are sums over leaves, and stay binary32). Rows of the
// output: floor((h + pt + pb - dh*(r-1) - 1) / th) + 1; columns likewise.
//
// ih = oh*th - pt + kh*dh, iw = ow*tw - pl + kw*dw; kh and kw ascend, in dgrad too. A tap outside
// the image (dgrad: one that hits no output) is absent: it adds nothing and keeps its place.
//
//   conv2d_fwd_v1    y[n,oh,ow,oc] = act(dot over (kh, kw, ic) of x * w, + b[oc])
//   conv2d_dgrad_v1  dx[n,ih,iw,ic] = dot over (kh, kw, oc) of dy * w
//   conv2d_wgrad_v1  dw[kh,kw,ic,oc]: per leaf, dot over its rows (n, oh), OW terms each, of x *
//   dy;
//                    a chain is max(1, floor(256/OW)) whole rows; then tree over the leaves
//   conv2d_bgrad_v1  db[oc]: as wgrad, channel sum of dy
#pragma once

#include <cstdint>

#include "kernels/core/op.h"

namespace samebits::conv2d {

struct Shape {
  std::int64_t n, h, w, c;
  std::int64_t k, r, s;
  std::int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  std::int64_t oh, ow;
  std::int64_t leaves;
  bool relu;
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kForward;
extern const Op kDataGradient;
extern const Op kWeightGradient;
extern const Op kBiasGradient;

}  // namespace samebits::conv2d
