// Pooling in plain C++: the compiler vectorises across channels.
#include "kernels/core/lane_dot.h"
#include "kernels/core/team.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::LaneDot;

// The real taps of a window: [top, bottom) x [left, right).
struct Window {
  std::int64_t top, bottom, left, right;

  float Taps() const { return static_cast<float>((bottom - top) * (right - left)); }
};

Window WindowAt(const Shape& s, std::int64_t oh, std::int64_t ow) {
  const std::int64_t top = oh * s.stride - s.pad, left = ow * s.stride - s.pad;
  return {top < 0 ? 0 : top, top + s.r > s.h ? s.h : top + s.r, left < 0 ? 0 : left,
          left + s.s > s.w ? s.w : left + s.s};
}

// Calls body(x or dx offset of each real tap), in (kh, kw) order.
template <class Body>
void ForEachTap(const Shape& s, const Window& window, const Body& body) {
  for (std::int64_t ih = window.top; ih < window.bottom; ++ih) {
    for (std::int64_t iw = window.left; iw < window.right; ++iw) body((ih * s.w + iw) * s.c);
  }
}

// The contract's maximum, as a select without a branch.
[[gnu::always_inline]] inline bool Replaces(float x, float m) {
  return (x > m) | ((x != x) & (m == m));
}

}  // namespace

void MaxForward(const Shape& s, const Buffers& buffers, Team& team) {
  team.Run(s.n * s.oh, [&](std::int64_t row) {
    const float* image = buffers.in(0) + row / s.oh * s.h * s.w * s.c;
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const Window window = WindowAt(s, row % s.oh, ow);
      const float* first = image + (window.top * s.w + window.left) * s.c;
      float* out = buffers.out(0) + (row * s.ow + ow) * s.c;
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
        float m[W];
        for (int j = 0; j < W; ++j) m[j] = first[c + j];
        ForEachTap(s, window, [&](std::int64_t tap) {
          const float* x = image + tap + c;
          for (int j = 0; j < W; ++j) m[j] = Replaces(x[j], m[j]) ? x[j] : m[j];
        });
        for (int j = 0; j < W; ++j) out[c + j] = m[j];
      });
    }
  });
}

void MaxBackward(const Shape& s, const Buffers& buffers, Team& team) {
  team.Run(s.n, [&](std::int64_t n) {
    const std::int64_t pixels = s.h * s.w * s.c;
    const float* image = buffers.in(0) + n * pixels;
    const float* dy = buffers.in(1) + n * s.oh * s.ow * s.c;
    float* dx = buffers.out(0) + n * pixels;
    for (std::int64_t i = 0; i < pixels; ++i) dx[i] = 0.0f;
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow, dy += s.c) {
        const Window window = WindowAt(s, oh, ow);
        ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
          const float* first = image + (window.top * s.w + window.left) * s.c + c;
          float m[W];
          std::int32_t place[W];
          for (int j = 0; j < W; ++j) m[j] = first[j], place[j] = 0;
          std::int32_t tap_number = 0;
          ForEachTap(s, window, [&](std::int64_t tap) {
            const float* x = image + tap + c;
            for (int j = 0; j < W; ++j) {
              const bool replaces = Replaces(x[j], m[j]);
              m[j] = replaces ? x[j] : m[j];
              place[j] = replaces ? tap_number : place[j];
            }
            ++tap_number;
          });
          tap_number = 0;
          ForEachTap(s, window, [&](std::int64_t tap) {
            float* to = dx + tap + c;
            for (int j = 0; j < W; ++j) {
              to[j] = place[j] == tap_number ? to[j] + dy[c + j] : to[j];
            }
            ++tap_number;
          });
        });
      }
    }
  });
}

void AverageForward(const Shape& s, const Buffers& buffers, Team& team) {
  team.Run(s.n * s.oh, [&](std::int64_t row) {
    const std::int64_t oh = row % s.oh;
    const float* image = buffers.in(0) + row / s.oh * s.h * s.w * s.c;
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const Window window = WindowAt(s, oh, ow);
      // Padded taps: whole rows above the image, and columns beside it.
      const std::int64_t above = window.top - (oh * s.stride - s.pad);
      const std::int64_t before = window.left - (ow * s.stride - s.pad);
      const std::int64_t width = window.right - window.left;
      float* out = buffers.out(0) + (row * s.ow + ow) * s.c;
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
        LaneDot<W> sum;
        sum.Absent(above * s.s);
        for (std::int64_t ih = window.top; ih < window.bottom; ++ih) {
          sum.Absent(before);
          sum.Add(image + (ih * s.w + window.left) * s.c + c, s.c, width);
          sum.Absent(s.s - before - width);
        }
        float total[W];
        sum.Result(total);
        for (int j = 0; j < W; ++j) out[c + j] = total[j] / window.Taps();
      });
    }
  });
}

void AverageBackward(const Shape& s, const Buffers& buffers, Team& team) {
  team.Run(s.n, [&](std::int64_t n) {
    const std::int64_t pixels = s.h * s.w * s.c;
    const float* dy = buffers.in(0) + n * s.oh * s.ow * s.c;
    float* dx = buffers.out(0) + n * pixels;
    for (std::int64_t i = 0; i < pixels; ++i) dx[i] = 0.0f;
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow, dy += s.c) {
        const Window window = WindowAt(s, oh, ow);
        ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
          float share[W];
          for (int j = 0; j < W; ++j) share[j] = dy[c + j] / window.Taps();
          ForEachTap(s, window, [&](std::int64_t tap) {
            float* to = dx + tap + c;
            for (int j = 0; j < W; ++j) to[j] = to[j] + share[j];
          });
        });
      }
    }
  });
}

void GlobalAverageForward(const Shape& s, const Buffers& buffers, Team& team) {
  const std::int64_t pixels = s.h * s.w;
  const auto count = static_cast<float>(pixels);
  team.Run(s.n, [&](std::int64_t n) {
    ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
      LaneDot<W> sum;
      sum.Add(buffers.in(0) + n * pixels * s.c + c, s.c, pixels);
      float total[W];
      sum.Result(total);
      float* out = buffers.out(0) + n * s.c + c;
      for (int j = 0; j < W; ++j) out[j] = total[j] / count;
    });
  });
}

void GlobalAverageBackward(const Shape& s, const Buffers& buffers, Team& team) {
  const auto count = static_cast<float>(s.h * s.w);
  team.Run(s.n, [&](std::int64_t n) {
    const float* dy = buffers.in(0) + n * s.c;
    float* dx = buffers.out(0) + n * s.h * s.w * s.c;
    for (std::int64_t c = 0; c < s.c; ++c) dx[c] = dy[c] / count;
    for (std::int64_t pixel = 1; pixel < s.h * s.w; ++pixel) {
      for (std::int64_t c = 0; c < s.c; ++c) dx[pixel * s.c + c] = dx[c];
    }
  });
}

}  // namespace samebits::pool2d::SAMEBITS_ISA
