// Pooling, a thread an output. A gradient gathers from the windows that hold its pixel, in their
// order, so nothing is atomic.
#include "kernels/cuda/arithmetic.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

// The pixel of an image, or of the windows over it.
struct Pixel {
  std::int64_t n, h, w, c;
};

__device__ inline Pixel PixelAt(std::int64_t i, std::int64_t h, std::int64_t w, std::int64_t c) {
  const std::int64_t pixel = i / c, line = pixel / w;
  return {line / h, line % h, pixel % w, i % c};
}

// The real taps of a window.
struct Window {
  std::int64_t top, bottom, left, right;  // [top, bottom) x [left, right)

  __device__ Window(const Shape& s, std::int64_t oh, std::int64_t ow) {
    top = oh * s.stride - s.pad, bottom = top + s.r;
    left = ow * s.stride - s.pad, right = left + s.s;
    top = top < 0 ? 0 : top, left = left < 0 ? 0 : left;
    bottom = bottom > s.h ? s.h : bottom, right = right > s.w ? s.w : right;
  }
  __device__ float Taps() const { return static_cast<float>((bottom - top) * (right - left)); }
};

__device__ inline std::int64_t PlaceOf(const Shape& s, std::int64_t n, std::int64_t h,
                                       std::int64_t w, std::int64_t c) {
  return ((n * s.h + h) * s.w + w) * s.c + c;
}

__device__ inline std::int64_t PlaceOfMaximum(const Shape& s, const float* x, const Pixel& o) {
  const Window window(s, o.h, o.w);
  std::int64_t place = PlaceOf(s, o.n, window.top, window.left, o.c);
  float m = x[place];
  for (std::int64_t h = window.top; h < window.bottom; ++h) {
    for (std::int64_t w = window.left; w < window.right; ++w) {
      const std::int64_t tap = PlaceOf(s, o.n, h, w, o.c);
      if (x[tap] > m || (x[tap] != x[tap] && m == m)) place = tap, m = x[tap];
    }
  }
  return place;
}

// The number of a pixel among the taps of a window that holds it.
__device__ inline std::int64_t TapOf(const Shape& s, const Pixel& pixel, std::int64_t oh,
                                     std::int64_t ow) {
  return (pixel.h + s.pad - oh * s.stride) * s.s + pixel.w + s.pad - ow * s.stride;
}

struct MaxForwardElement {
  Shape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    y[i] = x[PlaceOfMaximum(s, x, PixelAt(i, s.oh, s.ow, s.c))];
  }
};

struct MaxArgmaxForwardElement {
  Shape s;
  const float* x;
  float* y;
  std::uint8_t* argmax;
  __device__ void operator()(std::int64_t i) const {
    const Pixel o = PixelAt(i, s.oh, s.ow, s.c);
    const std::int64_t place = PlaceOfMaximum(s, x, o);
    const Pixel tap = PixelAt(place, s.h, s.w, s.c);
    y[i] = x[place];
    argmax[i] = static_cast<std::uint8_t>(TapOf(s, tap, o.h, o.w));
  }
};

// Calls use(oh, ow) for the windows that hold the pixel.
template <class Use>
__device__ void ForEachWindow(const Shape& s, const Pixel& pixel, const Use& use) {
  // The first window whose last tap reaches the pixel: ceil((h + pad - r + 1) / stride).
  const std::int64_t up = pixel.h + s.pad - s.r + s.stride, left = pixel.w + s.pad - s.s + s.stride;
  const std::int64_t first_h = up < 0 ? 0 : up / s.stride, first_w = left < 0 ? 0 : left / s.stride;
  for (std::int64_t oh = first_h; oh < s.oh && oh * s.stride - s.pad <= pixel.h; ++oh) {
    for (std::int64_t ow = first_w; ow < s.ow && ow * s.stride - s.pad <= pixel.w; ++ow) {
      use(oh, ow);
    }
  }
}

// An element of dx: +0, then what each window that holds its pixel adds, in (oh, ow) order.
template <class Share>  // void Add(const Shape&, const Pixel&, int64 place of the window in y,
                        //          int64 oh, int64 ow, float& sum)
struct GradientElement {
  Shape s;
  Share share;
  float* dx;

  struct Use {
    const GradientElement& of;
    const Pixel& pixel;
    float& sum;
    __device__ void operator()(std::int64_t oh, std::int64_t ow) const {
      const Shape& s = of.s;
      const std::int64_t window = ((pixel.n * s.oh + oh) * s.ow + ow) * s.c + pixel.c;
      of.share.Add(s, pixel, window, oh, ow, sum);
    }
  };
  __device__ void operator()(std::int64_t i) const {
    const Pixel pixel = PixelAt(i, s.h, s.w, s.c);
    float sum = 0.0f;
    ForEachWindow(s, pixel, Use{*this, pixel, sum});
    dx[i] = sum;
  }
};

struct OfMaximum {
  const float *x, *dy;
  __device__ void Add(const Shape& s, const Pixel& pixel, std::int64_t window, std::int64_t oh,
                      std::int64_t ow, float& sum) const {
    const std::int64_t own = PlaceOf(s, pixel.n, pixel.h, pixel.w, pixel.c);
    if (PlaceOfMaximum(s, x, {pixel.n, oh, ow, pixel.c}) == own) sum = sum + dy[window];
  }
};

struct OfArgmax {
  const std::uint8_t* argmax;
  const float* dy;
  __device__ void Add(const Shape& s, const Pixel& pixel, std::int64_t window, std::int64_t oh,
                      std::int64_t ow, float& sum) const {
    if (argmax[window] == TapOf(s, pixel, oh, ow)) sum = sum + dy[window];
  }
};

struct OfAverage {
  const float* dy;
  __device__ void Add(const Shape& s, const Pixel&, std::int64_t window, std::int64_t oh,
                      std::int64_t ow, float& sum) const {
    sum = sum + dy[window] / Window(s, oh, ow).Taps();
  }
};

struct AverageForwardElement {
  Shape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    const Pixel o = PixelAt(i, s.oh, s.ow, s.c);
    const Window window(s, o.h, o.w);
    gpu::Dot sum;
    for (std::int64_t kh = 0; kh < s.r; ++kh) {
      for (std::int64_t kw = 0; kw < s.s; ++kw) {
        const std::int64_t h = o.h * s.stride - s.pad + kh, w = o.w * s.stride - s.pad + kw;
        if (h < 0 || h >= s.h || w < 0 || w >= s.w) {
          sum.Absent();
        } else {
          sum.Add(x[PlaceOf(s, o.n, h, w, o.c)]);
        }
      }
    }
    y[i] = sum.Result() / window.Taps();
  }
};

struct GlobalAverageForwardElement {
  Shape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t pixels = s.h * s.w, n = i / s.c, c = i % s.c;
    gpu::Dot sum;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      sum.Add(x[(n * pixels + pixel) * s.c + c]);
    }
    y[i] = sum.Result() / static_cast<float>(pixels);
  }
};

struct GlobalAverageBackwardElement {
  Shape s;
  const float* dy;
  float* dx;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t pixels = s.h * s.w;
    dx[i] = dy[i / (pixels * s.c) * s.c + i % s.c] / static_cast<float>(pixels);
  }
};

std::int64_t Inputs(const Shape& s) { return s.n * s.h * s.w * s.c; }
std::int64_t Outputs(const Shape& s) { return s.n * s.oh * s.ow * s.c; }

}  // namespace

void MaxForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, Outputs(s), MaxForwardElement{s, buffers.in(0), buffers.out(0)});
}
void MaxBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, Inputs(s),
               GradientElement<OfMaximum>{s, {buffers.in(0), buffers.in(1)}, buffers.out(0)});
}
void MaxArgmaxForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(
      stream, Outputs(s),
      MaxArgmaxForwardElement{s, buffers.in(0), buffers.out(0), buffers.out<std::uint8_t>(1)});
}
void MaxArgmaxBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(
      stream, Inputs(s),
      GradientElement<OfArgmax>{s, {buffers.in<std::uint8_t>(0), buffers.in(1)}, buffers.out(0)});
}
void AverageForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, Outputs(s), AverageForwardElement{s, buffers.in(0), buffers.out(0)});
}
void AverageBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, Inputs(s), GradientElement<OfAverage>{s, {buffers.in(0)}, buffers.out(0)});
}
void GlobalAverageForward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n * s.c, GlobalAverageForwardElement{s, buffers.in(0), buffers.out(0)});
}
void GlobalAverageBackward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, Inputs(s), GlobalAverageBackwardElement{s, buffers.in(0), buffers.out(0)});
}

}  // namespace samebits::pool2d::SAMEBITS_GPU
