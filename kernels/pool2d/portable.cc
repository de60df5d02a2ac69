// Pooling in plain C++: the compiler vectorises across channels.
#include <algorithm>

#include "kernels/core/lane_dot.h"
#include "kernels/core/lanes.h"
#include "kernels/core/team.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::Floats;
using samebits::SAMEBITS_ISA::ForEachLaneBlock;
using samebits::SAMEBITS_ISA::ForEachVector;
using samebits::SAMEBITS_ISA::kChainTerms;
using samebits::SAMEBITS_ISA::kVectorLanes;
using samebits::SAMEBITS_ISA::LaneDot;
using samebits::SAMEBITS_ISA::Load;
using samebits::SAMEBITS_ISA::LoadBytes;
using samebits::SAMEBITS_ISA::Store;
using samebits::SAMEBITS_ISA::StoreLowBytes;

// The real taps of a window: [top, bottom) x [left, right), the first of them of that number.
struct Window {
  std::int64_t top, bottom, left, right, number;

  float Taps() const { return static_cast<float>((bottom - top) * (right - left)); }
};

Window WindowAt(const Shape& s, std::int64_t oh, std::int64_t ow) {
  const std::int64_t top = oh * s.stride - s.pad, left = ow * s.stride - s.pad;
  const std::int64_t above = top < 0 ? -top : 0, before = left < 0 ? -left : 0;
  return {top + above, top + s.r > s.h ? s.h : top + s.r, left + before,
          left + s.s > s.w ? s.w : left + s.s, above * s.s + before};
}

// Calls body(offset in x or dx, number) of each real tap, in (kh, kw) order. It and its bodies are
// inlined, or sums would live in memory; whole windows of 3 x 3, the usual ones, without loops.
template <class Body>
[[gnu::always_inline]] inline void ForEachTap(const Shape& s, const Window& window,
                                              const Body& body) {
  const std::int64_t first = (window.top * s.w + window.left) * s.c;
  if (window.bottom - window.top == 3 && window.right - window.left == 3) {
#pragma GCC unroll 3
    for (std::int64_t kh = 0; kh < 3; ++kh) {
#pragma GCC unroll 3
      for (std::int64_t kw = 0; kw < 3; ++kw) {
        body(first + (kh * s.w + kw) * s.c, window.number + kh * s.s + kw);
      }
    }
    return;
  }
  for (std::int64_t kh = 0; kh < window.bottom - window.top; ++kh) {
    for (std::int64_t kw = 0; kw < window.right - window.left; ++kw) {
      body(first + (kh * s.w + kw) * s.c, window.number + kh * s.s + kw);
    }
  }
}

// A window that holds a pixel: its offset in y, and the number of the pixel among its taps.
struct Holder {
  std::int64_t window;
  std::uint32_t number;
};

// Writes the windows that hold a pixel, in (oh, ow) order, and returns how many there are; none is
// above `top` or left of `left`.
int HoldersOf(const Shape& s, std::int64_t h, std::int64_t w, std::int64_t top, std::int64_t left,
              Holder* holders) {
  int count = 0;
  for (std::int64_t oh = top; oh < s.oh && oh * s.stride - s.pad <= h; ++oh) {
    const std::int64_t row = (h + s.pad - oh * s.stride) * s.s + w + s.pad;
    for (std::int64_t ow = left; ow < s.ow && ow * s.stride - s.pad <= w; ++ow) {
      holders[count++] = {(oh * s.ow + ow) * s.c, static_cast<std::uint32_t>(row - ow * s.stride)};
    }
  }
  return count;
}

// A pixel's gradient: N vectors side by side, as reading a holder costs as much as a vector.
template <class Values, int N>
[[gnu::always_inline]] inline void Gather(const Holder* holders, int count,
                                          const std::uint8_t* argmax, const float* dy, float* dx) {
  constexpr std::int64_t kWidth = sizeof(Values) / sizeof(float);
  Values sum[N] = {};
  for (int i = 0; i < count; ++i) {
    const auto [window, number] = holders[i];
    for (int j = 0; j < N; ++j) {
      const std::int64_t at = window + j * kWidth;
      const auto named = LoadBytes<Values>(argmax + at) == number;
      sum[j] = named ? sum[j] + Load<Values>(dy + at) : sum[j];
    }
  }
  for (int j = 0; j < N; ++j) Store(sum[j], dx + j * kWidth);
}

// Calls body(n) for every image, as many to a task as are worth waking a thread.
template <class Body>
void ForEachImage(const Shape& s, Team& team, const Body& body) {
  constexpr std::int64_t kTaskFloats = 32 * 1024;
  team.RunRanges(s.n, 1 + kTaskFloats / (s.h * s.w * s.c),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t n = begin; n < end; ++n) body(n);
                 });
}

// Calls body(n * oh + row) for every output row.
template <class Body>
void ForEachRow(const Shape& s, Team& team, const Body& body) {
  ForEachImage(s, team, [&](std::int64_t n) {
    for (std::int64_t row = n * s.oh; row < (n + 1) * s.oh; ++row) body(row);
  });
}

// The contract's maximum, for a float or a vector of them: not x <= m holds for a NaN x too.
template <class Values>
[[gnu::always_inline]] inline auto Replaces(Values x, Values m) {
  return ((x <= m) == 0) & (m == m);
}

// The maxima of a window in W channels, and the numbers of their taps.
template <int W>
[[gnu::always_inline]] inline void FindMaxima(const Shape& s, const Window& window,
                                              const float* image, float (&m)[W],
                                              std::int32_t (&numbers)[W]) {
  const float* first = image + (window.top * s.w + window.left) * s.c;
  for (int j = 0; j < W; ++j) {
    m[j] = first[j], numbers[j] = static_cast<std::int32_t>(window.number);
  }
  const auto find = [&](std::int64_t tap, std::int64_t number) __attribute__((always_inline)) {
    const float* x = image + tap;
    for (int j = 0; j < W; ++j) {
      const bool replaces = Replaces(x[j], m[j]);
      m[j] = replaces ? x[j] : m[j];
      numbers[j] = replaces ? static_cast<std::int32_t>(number) : numbers[j];
    }
  };
  ForEachTap(s, window, find);
}

// Windows of 2 x 2 side by side, the usual ones: nothing overlaps, no tap is missing.
bool IsHalving(const Shape& s) { return s.r == 2 && s.s == 2 && s.stride == 2 && s.pad == 0; }

// One output row of halving: calls body<Values>(offset of the first tap, offset of the output).
template <class Body>
void ForEachHalving(const Shape& s, const Body& body) {
  for (std::int64_t ow = 0; ow < s.ow; ++ow) {
    ForEachVector(s.c, [&]<class Values>(std::int64_t c) {
      body.template operator()<Values>(2 * ow * s.c + c, ow * s.c + c);
    });
  }
}

// The four taps of a window of halving, in (kh, kw) order.
template <class Values>
struct Taps {
  Values a, b, c, d;

  static Taps At(const Shape& s, const float* x) {
    const float* const below = x + s.w * s.c;
    return {Load<Values>(x), Load<Values>(x + s.c), Load<Values>(below), Load<Values>(below + s.c)};
  }
  void Put(const Shape& s, float* x) const {
    float* const below = x + s.w * s.c;
    Store(a, x), Store(b, x + s.c), Store(c, below), Store(d, below + s.c);
  }
};

// Numbers of taps.
template <class Values>
using NumbersOf = decltype(LoadBytes<Values>(nullptr));

// The maximum of a window of halving, and the number of its tap: the last that replaced.
template <class Values>
struct Maximum {
  [[gnu::always_inline]] explicit Maximum(const Taps<Values>& taps) {
    const auto is_b = Replaces(taps.b, taps.a);
    m = is_b ? taps.b : taps.a;
    const auto is_c = Replaces(taps.c, m);
    m = is_c ? taps.c : m;
    const auto is_d = Replaces(taps.d, m);
    m = is_d ? taps.d : m;
    const NumbersOf<Values> a = {}, b = a + 1, c = a + 2, d = a + 3;
    number = is_d ? d : is_c ? c : is_b ? b : a;
  }

  Values m;
  NumbersOf<Values> number;
};

// The taps of a window of halving where `dy` goes to the one of that number: +0 + dy, and +0.
template <class Values, class Number>
[[gnu::always_inline]] inline Taps<Values> GradientAt(Number number, Values dy) {
  const Values none = {}, g = none + dy;
  return {number == 0 ? g : none, number == 1 ? g : none, number == 2 ? g : none,
          number == 3 ? g : none};
}

// The pixels that no window of halving covers: the last row and column of odd images.
void ClearUncovered(const Shape& s, float* dx) {
  if (s.w % 2 != 0) {
    for (std::int64_t row = 1; row <= s.h; ++row) {
      std::fill(dx + (row * s.w - 1) * s.c, dx + row * s.w * s.c, 0.0f);
    }
  }
  if (s.h % 2 != 0) std::fill(dx + (s.h - 1) * s.w * s.c, dx + s.h * s.w * s.c, 0.0f);
}

}  // namespace

void MaxForward(const Shape& s, const Buffers& buffers, Team& team) {
  const bool halving = IsHalving(s);
  ForEachRow(s, team, [&](std::int64_t row) {
    const float* image = buffers.in(0) + row / s.oh * s.h * s.w * s.c;
    if (halving) {
      const float* upper = image + row % s.oh * 2 * s.w * s.c;
      float* y = buffers.out(0) + row * s.ow * s.c;
      return ForEachHalving(s, [&]<class Values>(std::int64_t from, std::int64_t to) {
        Store(Maximum(Taps<Values>::At(s, upper + from)).m, y + to);
      });
    }
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const Window window = WindowAt(s, row % s.oh, ow);
      const float* first = image + (window.top * s.w + window.left) * s.c;
      float* out = buffers.out(0) + (row * s.ow + ow) * s.c;
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
        float m[W];
        for (int j = 0; j < W; ++j) m[j] = first[c + j];
        const auto replace = [&](std::int64_t tap, std::int64_t) __attribute__((always_inline)) {
          const float* x = image + tap + c;
          for (int j = 0; j < W; ++j) m[j] = Replaces(x[j], m[j]) ? x[j] : m[j];
        };
        ForEachTap(s, window, replace);
        for (int j = 0; j < W; ++j) out[c + j] = m[j];
      });
    }
  });
}

void MaxBackward(const Shape& s, const Buffers& buffers, Team& team) {
  if (IsHalving(s)) {
    return ForEachImage(s, team, [&](std::int64_t n) {
      const float* x = buffers.in(0) + n * s.h * s.w * s.c;
      const float* dy = buffers.in(1) + n * s.oh * s.ow * s.c;
      float* dx = buffers.out(0) + n * s.h * s.w * s.c;
      for (std::int64_t oh = 0; oh < s.oh; ++oh) {
        const std::int64_t upper = 2 * oh * s.w * s.c;
        ForEachHalving(s, [&]<class Values>(std::int64_t place, std::int64_t from) {
          GradientAt(Maximum(Taps<Values>::At(s, x + upper + place)).number,
                     Load<Values>(dy + oh * s.ow * s.c + from))
              .Put(s, dx + upper + place);
        });
      }
      ClearUncovered(s, dx);
    });
  }
  ForEachImage(s, team, [&](std::int64_t n) {
    const std::int64_t pixels = s.h * s.w * s.c;
    const float* image = buffers.in(0) + n * pixels;
    const float* dy = buffers.in(1) + n * s.oh * s.ow * s.c;
    float* dx = buffers.out(0) + n * pixels;
    for (std::int64_t i = 0; i < pixels; ++i) dx[i] = 0.0f;
    for (std::int64_t oh = 0; oh < s.oh; ++oh) {
      for (std::int64_t ow = 0; ow < s.ow; ++ow, dy += s.c) {
        const Window window = WindowAt(s, oh, ow);
        ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
          float m[W];
          std::int32_t argmax[W];
          FindMaxima(s, window, image + c, m, argmax);
          float g[W];
          for (int j = 0; j < W; ++j) g[j] = dy[c + j];
          const auto add = [&](std::int64_t tap, std::int64_t number)
              __attribute__((always_inline)) {
            float* to = dx + tap + c;
            for (int j = 0; j < W; ++j) {
              to[j] = argmax[j] == static_cast<std::int32_t>(number) ? to[j] + g[j] : to[j];
            }
          };
          ForEachTap(s, window, add);
        });
      }
    }
  });
}

void MaxArgmaxForward(const Shape& s, const Buffers& buffers, Team& team) {
  const bool halving = IsHalving(s);
  ForEachRow(s, team, [&](std::int64_t row) {
    const float* image = buffers.in(0) + row / s.oh * s.h * s.w * s.c;
    float* y = buffers.out(0) + row * s.ow * s.c;
    auto* argmax = buffers.out<std::uint8_t>(1) + row * s.ow * s.c;
    if (halving) {
      const float* upper = image + row % s.oh * 2 * s.w * s.c;
      return ForEachHalving(s, [&]<class Values>(std::int64_t from, std::int64_t to) {
        const auto [m, number] = Maximum(Taps<Values>::At(s, upper + from));
        Store(m, y + to);
        StoreLowBytes(number, argmax + to);
      });
    }
    for (std::int64_t ow = 0; ow < s.ow; ++ow, y += s.c, argmax += s.c) {
      const Window window = WindowAt(s, row % s.oh, ow);
      ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
        float m[W];
        std::int32_t numbers[W];
        FindMaxima(s, window, image + c, m, numbers);
        for (int j = 0; j < W; ++j) y[c + j] = m[j];
        for (int j = 0; j < W; ++j) argmax[c + j] = static_cast<std::uint8_t>(numbers[j]);
      });
    }
  });
}

void MaxArgmaxBackward(const Shape& s, const Buffers& buffers, Team& team) {
  const bool halving = IsHalving(s);
  ForEachImage(s, team, [&](std::int64_t n) {
    const auto* argmax = buffers.in<std::uint8_t>(0) + n * s.oh * s.ow * s.c;
    const float* dy = buffers.in(1) + n * s.oh * s.ow * s.c;
    float* dx = buffers.out(0) + n * s.h * s.w * s.c;
    if (halving) {
      for (std::int64_t row = 0; row < s.oh; ++row) {
        const std::int64_t first = row * s.ow * s.c;
        float* upper = dx + 2 * row * s.w * s.c;
        ForEachHalving(s, [&]<class Values>(std::int64_t place, std::int64_t from) {
          GradientAt(LoadBytes<Values>(argmax + first + from), Load<Values>(dy + first + from))
              .Put(s, upper + place);
        });
      }
      return ClearUncovered(s, dx);
    }
    std::int64_t top = 0;
    for (std::int64_t h = 0; h < s.h; ++h) {
      while (top * s.stride - s.pad + s.r <= h) ++top;
      std::int64_t left = 0;
      for (std::int64_t w = 0; w < s.w; ++w, dx += s.c) {
        while (left * s.stride - s.pad + s.s <= w) ++left;
        Holder holders[255];
        const int count = HoldersOf(s, h, w, top, left, holders);
        const auto gather = [&]<class Values, int N>(std::int64_t c) {
          Gather<Values, N>(holders, count, argmax + c, dy + c, dx + c);
        };
        std::int64_t c = 0;
        for (; c + 2 * kVectorLanes <= s.c; c += 2 * kVectorLanes) {
          gather.template operator()<Floats, 2>(c);
        }
        for (; c + kVectorLanes <= s.c; c += kVectorLanes) {
          gather.template operator()<Floats, 1>(c);
        }
        for (; c < s.c; ++c) gather.template operator()<float, 1>(c);
      }
    }
  });
}

void AverageForward(const Shape& s, const Buffers& buffers, Team& team) {
  const bool halving = IsHalving(s);
  ForEachRow(s, team, [&](std::int64_t row) {
    const std::int64_t oh = row % s.oh;
    const float* image = buffers.in(0) + row / s.oh * s.h * s.w * s.c;
    if (halving) {
      const float* upper = image + oh * 2 * s.w * s.c;
      float* y = buffers.out(0) + row * s.ow * s.c;
      return ForEachHalving(s, [&]<class Values>(std::int64_t from, std::int64_t to) {
        const auto [a, b, c, d] = Taps<Values>::At(s, upper + from);
        Store<Values>(((((Values{} + a) + b) + c) + d) / 4.0f, y + to);
      });
    }
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const Window window = WindowAt(s, oh, ow);
      // Padded taps: whole rows above the image, and columns beside it.
      const std::int64_t above = window.top - (oh * s.stride - s.pad);
      const std::int64_t before = window.left - (ow * s.stride - s.pad);
      const std::int64_t width = window.right - window.left;
      float* out = buffers.out(0) + (row * s.ow + ow) * s.c;
      if (s.r * s.s <= kChainTerms) {  // one chain: what is absent moves nothing
        ForEachLaneBlock(s.c, [&]<int W>(std::int64_t c) {
          float sum[W] = {};
          const auto add = [&](std::int64_t tap, std::int64_t) __attribute__((always_inline)) {
            for (int j = 0; j < W; ++j) sum[j] = sum[j] + image[tap + c + j];
          };
          ForEachTap(s, window, add);
          for (int j = 0; j < W; ++j) out[c + j] = sum[j] / window.Taps();
        });
        continue;
      }
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
  if (IsHalving(s)) {
    return ForEachImage(s, team, [&](std::int64_t n) {
      const float* dy = buffers.in(0) + n * s.oh * s.ow * s.c;
      float* dx = buffers.out(0) + n * s.h * s.w * s.c;
      for (std::int64_t oh = 0; oh < s.oh; ++oh) {
        float* upper = dx + 2 * oh * s.w * s.c;
        ForEachHalving(s, [&]<class Values>(std::int64_t place, std::int64_t from) {
          const Values share = Load<Values>(dy + oh * s.ow * s.c + from) / 4.0f + Values{};
          Taps<Values>{share, share, share, share}.Put(s, upper + place);
        });
      }
      ClearUncovered(s, dx);
    });
  }
  ForEachImage(s, team, [&](std::int64_t n) {
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
          const auto add = [&](std::int64_t tap, std::int64_t) __attribute__((always_inline)) {
            float* to = dx + tap + c;
            for (int j = 0; j < W; ++j) to[j] = to[j] + share[j];
          };
          ForEachTap(s, window, add);
        });
      }
    }
  });
}

void GlobalAverageForward(const Shape& s, const Buffers& buffers, Team& team) {
  const std::int64_t pixels = s.h * s.w;
  const auto count = static_cast<float>(pixels);
  // One chain a channel: many channels are read as they lie, the sums wait in the first-level
  // cache.
  if (pixels <= kChainTerms && s.c >= 256) {
    return ForEachImage(s, team, [&](std::int64_t n) {
      const float* x = buffers.in(0) + n * pixels * s.c;
      float* out = buffers.out(0) + n * s.c;
      std::fill(out, out + s.c, 0.0f);
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel, x += s.c) {
        for (std::int64_t c = 0; c < s.c; ++c) out[c] = out[c] + x[c];
      }
      for (std::int64_t c = 0; c < s.c; ++c) out[c] = out[c] / count;
    });
  }
  ForEachImage(s, team, [&](std::int64_t n) {
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
  ForEachImage(s, team, [&](std::int64_t n) {
    const float* dy = buffers.in(0) + n * s.c;
    float* dx = buffers.out(0) + n * s.h * s.w * s.c;
    for (std::int64_t c = 0; c < s.c; ++c) dx[c] = dy[c] / count;
    for (std::int64_t pixel = 1; pixel < s.h * s.w; ++pixel) {
      for (std::int64_t c = 0; c < s.c; ++c) dx[pixel * s.c + c] = dx[c];
    }
  });
}

}  // namespace samebits::pool2d::SAMEBITS_ISA
