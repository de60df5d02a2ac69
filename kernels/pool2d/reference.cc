// The contract of pooling, one window at a time.
#include <algorithm>

#include "kernels/core/contract.h"
#include "kernels/core/team.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::reference {
namespace {

// One output: a window of one channel.
struct Window {
  std::int64_t n, oh, ow, c;
};

template <class Use>  // void Use(const Window&, int64 place in y)
void ForEachWindow(const Shape& s, const Use& use) {
  std::int64_t place = 0;
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow) {
        for (std::int64_t c = 0; c < s.c; ++c) use(Window{n, oh, ow, c}, place++);
      }
    }
  }
}

template <class Use>  // void Use(int64 place in x; -1 for a padded tap)
void ForEachTap(const Shape& s, const Window& window, const Use& use) {
  for (std::int64_t kh = 0; kh < s.r; ++kh) {
    for (std::int64_t kw = 0; kw < s.s; ++kw) {
      const std::int64_t ih = window.oh * s.stride - s.pad + kh;
      const std::int64_t iw = window.ow * s.stride - s.pad + kw;
      const bool real = ih >= 0 && ih < s.h && iw >= 0 && iw < s.w;
      use(real ? ((window.n * s.h + ih) * s.w + iw) * s.c + window.c : -1);
    }
  }
}

// The place in x of the maximum of one window.
std::int64_t PlaceOfMaximum(const Shape& s, const float* x, const Window& window) {
  std::int64_t place = -1;
  ForEachTap(s, window, [&](std::int64_t tap) {
    if (tap < 0) return;
    const float m = place < 0 ? 0.0f : x[place];
    if (place < 0 || x[tap] > m || (x[tap] != x[tap] && m == m)) place = tap;
  });
  return place;
}

float RealTaps(const Shape& s, const Window& window) {
  std::int64_t count = 0;
  ForEachTap(s, window, [&](std::int64_t tap) { count += tap >= 0; });
  return static_cast<float>(count);
}

}  // namespace

void MaxForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    y[place] = x[PlaceOfMaximum(s, x, window)];
  });
}

void MaxBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float *x = buffers.in(0), *dy = buffers.in(1);
  float* dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    float& to = dx[PlaceOfMaximum(s, x, window)];
    to = to + dy[place];
  });
}

void MaxArgmaxForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ArgmaxShapeOf(id);
  const float* x = buffers.in(0);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    const std::int64_t maximum = PlaceOfMaximum(s, x, window);
    std::uint8_t number = 0;
    ForEachTap(s, window, [&](std::int64_t tap) {
      if (tap == maximum) buffers.out<std::uint8_t>(1)[place] = number;
      ++number;
    });
    buffers.out(0)[place] = x[maximum];
  });
}

void MaxArgmaxBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ArgmaxShapeOf(id);
  float* dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    std::uint8_t number = 0;
    ForEachTap(s, window, [&](std::int64_t tap) {
      const bool named = number++ == buffers.in<std::uint8_t>(0)[place];
      if (named && tap >= 0) dx[tap] = dx[tap] + buffers.in(1)[place];
    });
  });
}

void AverageForward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    Dot sum;
    ForEachTap(s, window, [&](std::int64_t tap) {
      if (tap < 0) {
        sum.Absent();
      } else {
        sum.Add(x[tap]);
      }
    });
    y[place] = sum.Result() / RealTaps(s, window);
  });
}

void AverageBackward(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* dy = buffers.in(0);
  float* dx = buffers.out(0);
  std::fill_n(dx, s.n * s.h * s.w * s.c, 0.0f);
  ForEachWindow(s, [&](const Window& window, std::int64_t place) {
    const float share = dy[place] / RealTaps(s, window);
    ForEachTap(s, window, [&](std::int64_t tap) {
      if (tap >= 0) dx[tap] = dx[tap] + share;
    });
  });
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
