// The contract of pooling, one window at a time.
#include <algorithm>

#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::reference {
namespace {

// The place in x of the maximum of one window.
std::int64_t PlaceOfMaximum(const Shape& s, const float* x, std::int64_t n, std::int64_t oh,
                            std::int64_t ow, std::int64_t c) {
  std::int64_t place = -1;
  for (std::int64_t kh = 0; kh < s.r; ++kh) {
    for (std::int64_t kw = 0; kw < s.s; ++kw) {
      const std::int64_t ih = oh * s.stride - s.pad + kh, iw = ow * s.stride - s.pad + kw;
      if (ih < 0 || ih >= s.h || iw < 0 || iw >= s.w) continue;
      const std::int64_t tap = ((n * s.h + ih) * s.w + iw) * s.c + c;
      const float m = place < 0 ? 0.0f : x[place];
      if (place < 0 || x[tap] > m || (x[tap] != x[tap] && m == m)) place = tap;
    }
  }
  return place;
}

template <class Use>  // void Use(int64 place of the maximum in x, int64 place in y)
void ForEachWindow(const Shape& s, const float* x, const Use& use) {
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow) {
        for (std::int64_t c = 0; c < s.c; ++c) {
          use(PlaceOfMaximum(s, x, n, oh, ow, c), ((n * s.oh + oh) * s.ow + ow) * s.c + c);
        }
      }
    }
  }
}

}  // namespace

void MaxForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  ForEachWindow(s, x, [&](std::int64_t place, std::int64_t window) { y[window] = x[place]; });
}

void MaxBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *dy = buffers.in(1);
  float* dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  ForEachWindow(
      s, x, [&](std::int64_t place, std::int64_t window) { dx[place] = dx[place] + dy[window]; });
}

void GlobalAverageForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  const std::int64_t pixels = s.h * s.w;
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      Dot sum;
      for (std::int64_t i = 0; i < pixels; ++i) sum.Add(x[(n * pixels + i) * s.c + c]);
      y[n * s.c + c] = sum.Result() / static_cast<float>(pixels);
    }
  }
}

void GlobalAverageBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* dy = buffers.in(0);
  float* dx = buffers.out(0);
  const std::int64_t pixels = s.h * s.w;
  for (std::int64_t i = 0; i < s.n * pixels * s.c; ++i) {
    dx[i] = dy[i / (pixels * s.c) * s.c + i % s.c] / static_cast<float>(pixels);
  }
}

}  // namespace samebits::pool2d::reference
