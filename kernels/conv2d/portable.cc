// conv2d in plain C++: the compiler vectorises across output channels (dgrad: input channels).
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/lane_dot.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"

namespace samebits::conv2d::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::LaneDot;
using samebits::SAMEBITS_ISA::TreeOverLeaves;

bool Inside(std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; }

std::int64_t ChainTerms(const Shape& s) { return (s.ow >= 256 ? 1 : 256 / s.ow) * s.ow; }

std::int64_t LeafBegin(const Shape& s, std::int64_t leaf) { return leaf * s.n / s.leaves; }

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, Team& team) {
  const float *x = buffers.in(0), *w = buffers.in(1), *bias = buffers.in(2);
  float* y = buffers.out(0);
  team.Run(s.n * s.oh, [&](std::int64_t row) {
    const std::int64_t n = row / s.oh, top = row % s.oh * s.stride_h - s.pad_top;
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const std::int64_t left = ow * s.stride_w - s.pad_left;
      ForEachLaneBlock(s.k, [&]<int W>(std::int64_t oc) {
        LaneDot<W> dot;
        for (std::int64_t kh = 0; kh < s.r; ++kh) {
          const std::int64_t ih = top + kh * s.dilation_h;
          for (std::int64_t kw = 0; kw < s.s; ++kw) {
            const std::int64_t iw = left + kw * s.dilation_w;
            if (Inside(ih, s.h) && Inside(iw, s.w)) {
              dot.Fma(x + ((n * s.h + ih) * s.w + iw) * s.c, 1,
                      w + (kh * s.s + kw) * s.c * s.k + oc, s.k, s.c);
            } else {
              dot.Absent(s.c);
            }
          }
        }
        float sum[W];
        dot.Result(sum);
        float* out = y + (row * s.ow + ow) * s.k + oc;
        for (int j = 0; j < W; ++j) {
          const float v = sum[j] + bias[oc + j];
          out[j] = !s.relu || v > 0.0f || v != v ? v : 0.0f;
        }
      });
    }
  });
}

void DataGradient(const Shape& s, const Buffers& buffers, Team& team) {
  const float *dy = buffers.in(0), *w = buffers.in(1);
  float* dx = buffers.out(0);
  // Lanes run across input channels, so those come last: (kh, kw, oc, ic).
  float* transposed = Scratch(ScratchSlot::kWeights, s.r * s.s * s.c * s.k);
  for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
    for (std::int64_t ic = 0; ic < s.c; ++ic) {
      for (std::int64_t oc = 0; oc < s.k; ++oc) {
        transposed[(tap * s.k + oc) * s.c + ic] = w[(tap * s.c + ic) * s.k + oc];
      }
    }
  }
  team.Run(s.n * s.h, [&](std::int64_t row) {
    const std::int64_t n = row / s.h, ih = row % s.h;
    for (std::int64_t iw = 0; iw < s.w; ++iw) {
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t ic) {
        LaneDot<W> dot;
        for (std::int64_t kh = 0; kh < s.r; ++kh) {
          const std::int64_t top = ih + s.pad_top - kh * s.dilation_h;
          for (std::int64_t kw = 0; kw < s.s; ++kw) {
            const std::int64_t left = iw + s.pad_left - kw * s.dilation_w;
            if (top % s.stride_h == 0 && Inside(top / s.stride_h, s.oh) && left % s.stride_w == 0 &&
                Inside(left / s.stride_w, s.ow)) {
              dot.Fma(dy + ((n * s.oh + top / s.stride_h) * s.ow + left / s.stride_w) * s.k, 1,
                      transposed + (kh * s.s + kw) * s.k * s.c + ic, s.c, s.k);
            } else {
              dot.Absent(s.k);
            }
          }
        }
        dot.Result(dx + (row * s.w + iw) * s.c + ic);
      });
    }
  });
}

void WeightGradient(const Shape& s, const Buffers& buffers, Team& team) {
  const float *x = buffers.in(0), *dy = buffers.in(1);
  const std::int64_t weights = s.r * s.s * s.c * s.k;
  float* sums = Scratch(ScratchSlot::kLeaves, s.leaves * weights);
  team.Run(s.leaves * s.r * s.s * s.c, [&](std::int64_t task) {
    const std::int64_t leaf = task / (s.r * s.s * s.c), m = task % (s.r * s.s * s.c);
    const std::int64_t kh = m / s.c / s.s, kw = m / s.c % s.s, ic = m % s.c;
    // The columns whose tap lies inside the image: [from, to).
    std::int64_t from = 0, to = s.ow;
    while (from < s.ow && !Inside(from * s.stride_w - s.pad_left + kw * s.dilation_w, s.w)) ++from;
    while (to > from && !Inside((to - 1) * s.stride_w - s.pad_left + kw * s.dilation_w, s.w)) --to;
    ForEachLaneBlock(s.k, [&]<int W>(std::int64_t oc) {
      LaneDot<W> dot(ChainTerms(s));
      for (std::int64_t n = LeafBegin(s, leaf); n < LeafBegin(s, leaf + 1); ++n) {
        for (std::int64_t oh = 0; oh < s.oh; ++oh) {
          const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
          if (!Inside(ih, s.h) || from == to) {
            dot.Absent(s.ow);
            continue;
          }
          const std::int64_t iw = from * s.stride_w - s.pad_left + kw * s.dilation_w;
          dot.Absent(from);
          dot.Fma(x + ((n * s.h + ih) * s.w + iw) * s.c + ic, s.stride_w * s.c,
                  dy + ((n * s.oh + oh) * s.ow + from) * s.k + oc, s.k, to - from);
          dot.Absent(s.ow - to);
        }
      }
      dot.Result(sums + leaf * weights + m * s.k + oc);
    });
  });
  TreeOverLeaves(sums, s.leaves, weights, buffers.out(0));
}

void BiasGradient(const Shape& s, const Buffers& buffers, Team& team) {
  const float* dy = buffers.in(0);
  float* sums = Scratch(ScratchSlot::kLeaves, s.leaves * s.k);
  const std::int64_t pixels = s.oh * s.ow;
  team.Run(s.leaves, [&](std::int64_t leaf) {
    const std::int64_t begin = LeafBegin(s, leaf) * pixels, end = LeafBegin(s, leaf + 1) * pixels;
    ForEachLaneBlock(s.k, [&]<int W>(std::int64_t oc) {
      LaneDot<W> sum(ChainTerms(s));
      sum.Add(dy + begin * s.k + oc, s.k, end - begin);
      sum.Result(sums + leaf * s.k + oc);
    });
  });
  TreeOverLeaves(sums, s.leaves, s.k, buffers.out(0));
}

}  // namespace samebits::conv2d::SAMEBITS_ISA
