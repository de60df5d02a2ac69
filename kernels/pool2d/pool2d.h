// Pooling, NHWC, no overlap rule: any window, stride and padding.
//
// Case: n h w c, and for maxpool and avgpool r s (window), t (stride, default r), p (padding on all
// sides); bfloat16 or float16 (kernels/convert/stored.h).
//
//   maxpool2d_fwd_v1      m = first real tap in (kh, kw) order; each next tap replaces m if it is
//                         greater, or if it is NaN and m is not; padded taps are not compared
//   maxpool2d_bwd_v1      dx = +0, then every dy is added to the place of its window's m, over
//                         windows in (oh, ow) order; inputs x, dy
//   maxpool2d_argmax_fwd_v1
//                         y as maxpool2d_fwd_v1; argmax (bytes) = kh * s + kw of m in its window,
//                         which has at most 255 taps, padded ones among them
//   maxpool2d_argmax_bwd_v1
//                         dx = +0, then every dy is added to the tap that argmax names, if it is a
//                         real one, over windows in (oh, ow) order; inputs argmax, dy
//   avgpool2d_fwd_v1      y = channel sum over the real taps in (kh, kw) order, where padded taps
//                         are absent and keep their place; one division by f32(real taps)
//   avgpool2d_bwd_v1      dx = +0, then dy / f32(real taps of the window) is added to every real
//                         tap, over windows in (oh, ow) order
//   global_avgpool_fwd_v1 y[n,c] = channel sum over (h, w), one division by f32(h*w)
//   global_avgpool_bwd_v1 dx = dy / f32(h*w)
#pragma once

#include <cstdint>

#include "kernels/core/op.h"

namespace samebits::pool2d {

struct Shape {
  std::int64_t n, h, w, c;
  std::int64_t r, s, stride, pad;
  std::int64_t oh, ow;
};

// Throws UserError when an extent is out of range or a window holds no real tap.
Shape ShapeOf(const Case& c);
// Also when a byte cannot number the taps of a window.
Shape ArgmaxShapeOf(const Case& c);

extern const Op kMaxForward;
extern const Op kMaxBackward;
extern const Op kMaxArgmaxForward;
extern const Op kMaxArgmaxBackward;
extern const Op kAverageForward;
extern const Op kAverageBackward;
extern const Op kGlobalAverageForward;
extern const Op kGlobalAverageBackward;

}  // namespace samebits::pool2d
