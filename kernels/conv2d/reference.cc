// The contract of conv2d, one output and one term at a time.
#include <algorithm>
#include <vector>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/contract.h"
#include "kernels/core/team.h"

namespace samebits::conv2d::reference {
namespace {

bool Inside(std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; }

float Relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }

}  // namespace

void Forward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *w = buffers.in(1), *bias = buffers.in(2);
  float* y = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow) {
        for (std::int64_t oc = 0; oc < s.k; ++oc) {
          Dot dot;
          for (std::int64_t kh = 0; kh < s.r; ++kh) {
            for (std::int64_t kw = 0; kw < s.s; ++kw) {
              const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
              const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
              const bool present = Inside(ih, s.h) && Inside(iw, s.w);
              for (std::int64_t ic = 0; ic < s.c; ++ic) {
                if (present) {
                  dot.Fma(x[((n * s.h + ih) * s.w + iw) * s.c + ic],
                          w[((kh * s.s + kw) * s.c + ic) * s.k + oc]);
                } else {
                  dot.Absent();
                }
              }
            }
          }
          const float sum = dot.Result() + bias[oc];
          y[((n * s.oh + oh) * s.ow + ow) * s.k + oc] = s.relu ? Relu(sum) : sum;
        }
      }
    }
  }
}

void DataGradient(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *dy = buffers.in(0), *w = buffers.in(1);
  float* dx = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t ih = 0; ih < s.h; ++ih) {
      for (std::int64_t iw = 0; iw < s.w; ++iw) {
        for (std::int64_t ic = 0; ic < s.c; ++ic) {
          Dot dot;
          for (std::int64_t kh = 0; kh < s.r; ++kh) {
            for (std::int64_t kw = 0; kw < s.s; ++kw) {
              const std::int64_t top = ih + s.pad_top - kh * s.dilation_h;
              const std::int64_t left = iw + s.pad_left - kw * s.dilation_w;
              const bool present = top % s.stride_h == 0 && Inside(top / s.stride_h, s.oh) &&
                                   left % s.stride_w == 0 && Inside(left / s.stride_w, s.ow);
              const std::int64_t pixel = (n * s.oh + top / s.stride_h) * s.ow + left / s.stride_w;
              for (std::int64_t oc = 0; oc < s.k; ++oc) {
                if (present) {
                  dot.Fma(dy[pixel * s.k + oc], w[((kh * s.s + kw) * s.c + ic) * s.k + oc]);
                } else {
                  dot.Absent();
                }
              }
            }
          }
          dx[((n * s.h + ih) * s.w + iw) * s.c + ic] = dot.Result();
        }
      }
    }
  }
}

void WeightGradient(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *dy = buffers.in(1);
  float* dw = buffers.out(0);
  for (std::int64_t kh = 0; kh < s.r; ++kh) {
    for (std::int64_t kw = 0; kw < s.s; ++kw) {
      for (std::int64_t ic = 0; ic < s.c; ++ic) {
        for (std::int64_t oc = 0; oc < s.k; ++oc) {
          Tree leaves;
          for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
            Dot dot(RowsPerChain(s.ow) * s.ow);
            const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves);
            for (std::int64_t n = LeafBegin(leaf, s.n, s.leaves); n < end; ++n) {
              for (std::int64_t oh = 0; oh < s.oh; ++oh) {
                for (std::int64_t ow = 0; ow < s.ow; ++ow) {
                  const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
                  const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
                  if (Inside(ih, s.h) && Inside(iw, s.w)) {
                    dot.Fma(x[((n * s.h + ih) * s.w + iw) * s.c + ic],
                            dy[((n * s.oh + oh) * s.ow + ow) * s.k + oc]);
                  } else {
                    dot.Absent();
                  }
                }
              }
            }
            leaves.Add(dot.Result());
          }
          dw[((kh * s.s + kw) * s.c + ic) * s.k + oc] = leaves.Result();
        }
      }
    }
  }
}

void BiasGradient(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* dy = buffers.in(0);
  float* db = buffers.out(0);
  for (std::int64_t oc = 0; oc < s.k; ++oc) {
    Tree leaves;
    for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
      Dot sum(RowsPerChain(s.ow) * s.ow);
      const std::int64_t pixels = s.oh * s.ow;
      const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves) * pixels;
      for (std::int64_t i = LeafBegin(leaf, s.n, s.leaves) * pixels; i < end; ++i) {
        sum.Add(dy[i * s.k + oc]);
      }
      leaves.Add(sum.Result());
    }
    db[oc] = leaves.Result();
  }
}

}  // namespace samebits::conv2d::reference
