// Pooling, a thread a vector of channels of an output. A gradient gathers from the windows that
// hold its pixel, in their order, so nothing is atomic.
#include "kernels/cuda/vector.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

using gpu::Divisor;
using gpu::Load;
using gpu::Store;
using gpu::Vector;

// A pixel of x, or of the windows over it, and a channel.
struct Pixel {
  int n, h, w, c;
};

// Pixels and channels of a tensor by the index of an element.
struct Places {
  Places(std::int64_t height, std::int64_t width, std::int64_t channels)
      : h(static_cast<int>(height)),
        w(static_cast<int>(width)),
        c(static_cast<int>(channels)),
        by_h(height),
        by_w(width),
        by_c(channels) {}

  __device__ Pixel At(std::int64_t i) const {
    unsigned channel, column, row;
    const unsigned pixel = by_c.Divide(static_cast<unsigned>(i), &channel);
    const unsigned line = by_w.Divide(pixel, &column);
    const unsigned n = by_h.Divide(line, &row);
    return {static_cast<int>(n), static_cast<int>(row), static_cast<int>(column),
            static_cast<int>(channel)};
  }
  __device__ std::int64_t Index(const Pixel& p) const {
    return ((std::int64_t{p.n} * h + p.h) * w + p.w) * c + p.c;
  }

  int h, w, c;
  Divisor by_h, by_w, by_c;
};

struct Geometry {
  explicit Geometry(const Shape& s)
      : x(s.h, s.w, s.c),
        y(s.oh, s.ow, s.c),
        r(static_cast<int>(s.r)),
        s(static_cast<int>(s.s)),
        stride(static_cast<int>(s.stride)),
        pad(static_cast<int>(s.pad)),
        by_stride(s.stride) {}

  Places x, y;
  int r, s, stride, pad;
  Divisor by_stride;
};

// The real taps of the window of an output.
struct Window {
  int top, bottom, left, right;  // [top, bottom) x [left, right)
  int first_tap;                 // the number of tap (0, 0) of x

  __device__ Window(const Geometry& g, const Pixel& o) {
    top = o.h * g.stride - g.pad, bottom = top + g.r;
    left = o.w * g.stride - g.pad, right = left + g.s;
    first_tap = -top * g.s - left;
    top = top < 0 ? 0 : top, left = left < 0 ? 0 : left;
    bottom = bottom > g.x.h ? g.x.h : bottom, right = right > g.x.w ? g.x.w : right;
  }
  __device__ int Tap(const Geometry& g, int h, int w) const { return first_tap + h * g.s + w; }
  __device__ float Taps() const { return static_cast<float>((bottom - top) * (right - left)); }
};

// Maxima and the numbers of their taps.
template <int kWords>
struct Maxima {
  Vector<kWords> m;
  int tap[kWords];

  __device__ Maxima(const Geometry& g, const float* x, const Pixel& o) {
    const Window window(g, o);
    bool first = true;
    for (int h = window.top; h < window.bottom; ++h) {
      const float* from = x + g.x.Index({o.n, h, window.left, o.c});
      for (int w = window.left; w < window.right; ++w, from += g.x.c) {
        const auto v = Load<kWords>(from);
        const int number = window.Tap(g, h, w);
        for (int j = 0; j < kWords; ++j) {
          const float a = v.word[j], b = m.word[j];
          if (first || a > b || (a != a && b == b)) m.word[j] = a, tap[j] = number;
        }
        first = false;
      }
    }
  }
};

struct MaxForwardElements {
  Geometry g;
  const float* x;
  float* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    Store(y + i, Maxima<kWords>(g, x, g.y.At(i)).m);
  }
};

struct MaxArgmaxForwardElements {
  Geometry g;
  const float* x;
  float* y;
  std::uint8_t* argmax;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const Maxima<kWords> maxima(g, x, g.y.At(i));
    Vector<kWords, std::uint8_t> taps;
    for (int j = 0; j < kWords; ++j) taps.word[j] = static_cast<std::uint8_t>(maxima.tap[j]);
    Store(y + i, maxima.m);
    Store(argmax + i, taps);
  }
};

// dx: +0, then what each window that holds the pixel adds, in (oh, ow) order.
template <class Share>  // template <int kWords> void Add(const Geometry&, const Pixel& window,
                        //   int64 index of the window in y, int tap, Vector<kWords>& sums)
struct Gather {
  Geometry g;
  Share share;
  float* dx;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const Pixel pixel = g.x.At(i);
    // The first window whose last tap reaches the pixel: ceil((h + pad - r + 1) / stride).
    const int first_h = First(pixel.h + g.pad - g.r + g.stride);
    const int first_w = First(pixel.w + g.pad - g.s + g.stride);
    Vector<kWords> sums;
    for (float& sum : sums.word) sum = 0.0f;
    for (int oh = first_h; oh < g.y.h && oh * g.stride - g.pad <= pixel.h; ++oh) {
      for (int ow = first_w; ow < g.y.w && ow * g.stride - g.pad <= pixel.w; ++ow) {
        const Pixel window = {pixel.n, oh, ow, pixel.c};
        const int tap = (pixel.h + g.pad - oh * g.stride) * g.s + pixel.w + g.pad - ow * g.stride;
        share.template Add<kWords>(g, window, g.y.Index(window), tap, sums);
      }
    }
    Store(dx + i, sums);
  }
  __device__ int First(int beyond) const {
    unsigned rest;
    return beyond < 0 ? 0
                      : static_cast<int>(g.by_stride.Divide(static_cast<unsigned>(beyond), &rest));
  }
};

struct OfMaximum {
  const float *x, *dy;
  template <int kWords>
  __device__ void Add(const Geometry& g, const Pixel& window, std::int64_t index, int tap,
                      Vector<kWords>& sums) const {
    const Maxima<kWords> maxima(g, x, window);
    const auto shares = Load<kWords>(dy + index);
    for (int j = 0; j < kWords; ++j) {
      if (maxima.tap[j] == tap) sums.word[j] = __fadd_rn(sums.word[j], shares.word[j]);
    }
  }
};

struct OfArgmax {
  const std::uint8_t* argmax;
  const float* dy;
  template <int kWords>
  __device__ void Add(const Geometry&, const Pixel&, std::int64_t index, int tap,
                      Vector<kWords>& sums) const {
    const auto taps = Load<kWords>(argmax + index);
    const auto shares = Load<kWords>(dy + index);
    for (int j = 0; j < kWords; ++j) {
      if (taps.word[j] == tap) sums.word[j] = __fadd_rn(sums.word[j], shares.word[j]);
    }
  }
};

struct OfAverage {
  const float* dy;
  template <int kWords>
  __device__ void Add(const Geometry& g, const Pixel& window, std::int64_t index, int,
                      Vector<kWords>& sums) const {
    const float taps = Window(g, window).Taps();
    const auto shares = Load<kWords>(dy + index);
    for (int j = 0; j < kWords; ++j) sums.word[j] = __fadd_rn(sums.word[j], shares.word[j] / taps);
  }
};

struct AverageForwardElements {
  Geometry g;
  const float* x;
  float* y;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const Pixel o = g.y.At(i);
    const Window window(g, o);
    const float taps = window.Taps();
    Vector<kWords> sums;
    for (float& sum : sums.word) sum = 0.0f;
    if (g.r * g.s <= gpu::kChainTerms) {
      for (int h = window.top; h < window.bottom; ++h) {
        const float* from = x + g.x.Index({o.n, h, window.left, o.c});
        for (int w = window.left; w < window.right; ++w, from += g.x.c) {
          const auto v = Load<kWords>(from);
          for (int j = 0; j < kWords; ++j) sums.word[j] = __fadd_rn(sums.word[j], v.word[j]);
        }
      }
    } else {
      for (int j = 0; j < kWords; ++j) {
        sums.word[j] = ChainsOf(window, {o.n, o.h, o.w, o.c + j});
      }
    }
    for (float& sum : sums.word) sum = __fadd_rn(sum, 0.0f) / taps;
    Store(y + i, sums);
  }
  // Of a window of more than one chain.
  [[gnu::noinline]] __device__ float ChainsOf(const Window& window, const Pixel& o) const {
    gpu::Dot sum;
    for (int kh = 0; kh < g.r; ++kh) {
      for (int kw = 0; kw < g.s; ++kw) {
        const int h = o.h * g.stride - g.pad + kh, w = o.w * g.stride - g.pad + kw;
        if (h < window.top || h >= window.bottom || w < window.left || w >= window.right) {
          sum.Absent();
        } else {
          sum.Add(x[g.x.Index({o.n, h, w, o.c})]);
        }
      }
    }
    return sum.Result();
  }
};

// A thread a channel, so that there are more of them.
struct GlobalAverageForwardElement {
  Shape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t pixels = s.h * s.w, n = i / s.c, c = i % s.c;
    const float* const first = x + n * pixels * s.c + c;
    gpu::Dot sum;
    for (std::int64_t chain = 0; chain < pixels; chain += gpu::kChainTerms) {
      const std::int64_t left = pixels - chain;
      const int terms = left < gpu::kChainTerms ? static_cast<int>(left) : int{gpu::kChainTerms};
      float acc = 0.0f;
#pragma unroll 8
      for (int k = 0; k < terms; ++k) acc = __fadd_rn(acc, first[(chain + k) * s.c]);
      sum.AddChain(acc);
    }
    y[i] = sum.Result() / static_cast<float>(pixels);
  }
};

struct GlobalAverageBackwardElements {
  Places x;
  float pixels;
  const float* dy;
  float* dx;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const Pixel pixel = x.At(i);
    auto shares = Load<kWords>(dy + (std::int64_t{pixel.n} * x.c + pixel.c));
    for (float& share : shares.word) share = share / pixels;
    Store(dx + i, shares);
  }
};

std::int64_t Inputs(const Shape& s) { return s.n * s.h * s.w * s.c; }
std::int64_t Outputs(const Shape& s) { return s.n * s.oh * s.ow * s.c; }

template <class Elements>
void ForEachPixel(const Shape& s, std::int64_t count, bool aligned, DeviceStream& stream,
                  const Elements& elements) {
  CheckIndex(Inputs(s));
  gpu::ForEachVector(stream, count, s.c % 4 == 0 && aligned, elements);
}

}  // namespace

void MaxForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const MaxForwardElements max{Geometry(s), buffers.in(0), buffers.out(0)};
  ForEachPixel(s, Outputs(s), gpu::AreAligned(max.x, max.y), stream, max);
}
void MaxBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const OfMaximum share{buffers.in(0), buffers.in(1)};
  const Gather<OfMaximum> gather{Geometry(s), share, buffers.out(0)};
  ForEachPixel(s, Inputs(s), gpu::AreAligned(share.x, share.dy, gather.dx), stream, gather);
}
void MaxArgmaxForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const MaxArgmaxForwardElements max{Geometry(s), buffers.in(0), buffers.out(0),
                                     buffers.out<std::uint8_t>(1)};
  ForEachPixel(s, Outputs(s), gpu::AreAligned(max.x, max.y, max.argmax), stream, max);
}
void MaxArgmaxBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const OfArgmax share{buffers.in<std::uint8_t>(0), buffers.in(1)};
  const Gather<OfArgmax> gather{Geometry(s), share, buffers.out(0)};
  ForEachPixel(s, Inputs(s), gpu::AreAligned(share.argmax, share.dy, gather.dx), stream, gather);
}
void AverageForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const AverageForwardElements average{Geometry(s), buffers.in(0), buffers.out(0)};
  ForEachPixel(s, Outputs(s), gpu::AreAligned(average.x, average.y), stream, average);
}
void AverageBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const OfAverage share{buffers.in(0)};
  const Gather<OfAverage> gather{Geometry(s), share, buffers.out(0)};
  ForEachPixel(s, Inputs(s), gpu::AreAligned(share.dy, gather.dx), stream, gather);
}
void GlobalAverageForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n * s.c, GlobalAverageForwardElement{s, buffers.in(0), buffers.out(0)});
}
void GlobalAverageBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const GlobalAverageBackwardElements backward{Places(s.h, s.w, s.c), static_cast<float>(s.h * s.w),
                                               buffers.in(0), buffers.out(0)};
  ForEachPixel(s, Inputs(s), gpu::AreAligned(backward.dy, backward.dx), stream, backward);
}

}  // namespace samebits::pool2d::SAMEBITS_GPU
