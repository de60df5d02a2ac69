// conv2d as an implicit matrix product (kernels/cuda/product.h): no im2col buffer lies in memory.
#include "kernels/conv2d/conv2d.h"
#include "kernels/cuda/product.h"

namespace samebits::conv2d::SAMEBITS_GPU {
namespace {

using samebits::SAMEBITS_GPU::AreAligned;
using samebits::SAMEBITS_GPU::Chains;
using samebits::SAMEBITS_GPU::CombineParts;
using samebits::SAMEBITS_GPU::Divisor;
using samebits::SAMEBITS_GPU::kChainsPerSegment;
using samebits::SAMEBITS_GPU::kChainTerms;
using samebits::SAMEBITS_GPU::Launch;
using samebits::SAMEBITS_GPU::Load;
using samebits::SAMEBITS_GPU::PartSums;
using samebits::SAMEBITS_GPU::Problem;
using samebits::SAMEBITS_GPU::Row;
using samebits::SAMEBITS_GPU::Shared;
using samebits::SAMEBITS_GPU::Store;
using samebits::SAMEBITS_GPU::Term;
using samebits::SAMEBITS_GPU::Vector;

// What the three products have in common.
struct Geometry {
  explicit Geometry(const Shape& s)
      : h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        c(static_cast<int>(s.c)),
        k(static_cast<int>(s.k)),
        oh(static_cast<int>(s.oh)),
        ow(static_cast<int>(s.ow)),
        stride_h(static_cast<int>(s.stride_h)),
        stride_w(static_cast<int>(s.stride_w)),
        dilation_h(static_cast<int>(s.dilation_h)),
        dilation_w(static_cast<int>(s.dilation_w)),
        pad_top(static_cast<int>(s.pad_top)),
        pad_left(static_cast<int>(s.pad_left)),
        by_c(s.c),
        by_k(s.k),
        by_s(s.s),
        by_w(s.w),
        by_h(s.h),
        by_ow(s.ow),
        by_oh(s.oh) {}

  // Where pixel (h, w) of an image of x, or of y, lies from the image's first.
  __device__ std::int64_t InX(int row, int column) const {
    return (std::int64_t{row} * w + column) * c;
  }
  __device__ std::int64_t InY(int row, int column) const {
    return (std::int64_t{row} * ow + column) * k;
  }

  int h, w, c, k, oh, ow;
  int stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  Divisor by_c, by_k, by_s, by_w, by_h, by_ow, by_oh;
};

// A factor among pixels of x.
__device__ inline bool PixelOfX(const Geometry& g, const float* x, const Row& row, const Term& term,
                                const float** at) {
  const auto h = static_cast<unsigned>(row.h + term.h), w = static_cast<unsigned>(row.w + term.w);
  *at = x + (row.at + term.at);
  return h < static_cast<unsigned>(g.h) && w < static_cast<unsigned>(g.w);
}

// y = x * w: rows are output pixels, terms (kh, kw, ic), columns output channels.
struct ForwardProduct {
  static constexpr bool kTermsOfALieTogether = true, kTermsOfBLieTogether = false;
  Geometry g;
  Chains chains;
  const float *x, *weights, *bias;
  float* y;
  bool relu;

  __device__ Row RowAt(int row) const {
    unsigned oh, ow;
    const unsigned line = g.by_ow.Divide(static_cast<unsigned>(row), &ow);
    const unsigned n = g.by_oh.Divide(line, &oh);
    const int h = static_cast<int>(oh) * g.stride_h - g.pad_top;
    const int w = static_cast<int>(ow) * g.stride_w - g.pad_left;
    return {n * g.InX(g.h, 0) + g.InX(h, w), h, w};
  }
  __device__ Term TermAt(int index) const {
    unsigned ic, kw;
    const unsigned tap = g.by_c.Divide(static_cast<unsigned>(index), &ic);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    const int h = static_cast<int>(kh) * g.dilation_h, w = static_cast<int>(kw) * g.dilation_w;
    return {g.InX(h, w) + ic, h, w, std::int64_t{index} * g.k};
  }
  __device__ bool A(const Row& row, const Term& term, const float** at) const {
    return PixelOfX(g, x, row, term, at);
  }
  __device__ const float* B(const Term& term, int column) const {
    return weights + (term.b + column);
  }
  template <int kWords>
  __device__ void Finish(int row, int column, const Vector<kWords>& sums) const {
    const auto added = Load<kWords>(bias + column);
    Vector<kWords> out;
    for (int i = 0; i < kWords; ++i) {
      const float sum = __fadd_rn(sums.word[i], added.word[i]);
      out.word[i] = !relu || sum > 0.0f || sum != sum ? sum : 0.0f;
    }
    Store(y + (std::int64_t{row} * g.k + column), out);
  }
};

// dx from dy: rows are input pixels, terms (kh, kw, oc), columns input channels.
struct DataGradientProduct {
  static constexpr bool kTermsOfALieTogether = true, kTermsOfBLieTogether = true;
  Geometry g;
  Chains chains;
  const float *dy, *weights;
  float* dx;

  __device__ bool HasStride() const { return g.stride_h != 1 || g.stride_w != 1; }

  // (h, w) counts inputs; with a stride only some of them are outputs, whose place A finds.
  __device__ Row RowAt(int row) const {
    unsigned ih, iw;
    const unsigned line = g.by_w.Divide(static_cast<unsigned>(row), &iw);
    const unsigned n = g.by_h.Divide(line, &ih);
    const int h = static_cast<int>(ih) + g.pad_top, w = static_cast<int>(iw) + g.pad_left;
    return {n * g.InY(g.oh, 0) + (HasStride() ? 0 : g.InY(h, w)), h, w};
  }
  __device__ Term TermAt(int index) const {
    unsigned oc, kw;
    const unsigned tap = g.by_k.Divide(static_cast<unsigned>(index), &oc);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    const int h = -static_cast<int>(kh) * g.dilation_h, w = -static_cast<int>(kw) * g.dilation_w;
    return {oc + (HasStride() ? 0 : g.InY(h, w)), h, w, std::int64_t{tap} * g.c * g.k + oc};
  }
  __device__ bool A(const Row& row, const Term& term, const float** at) const {
    int h = row.h + term.h, w = row.w + term.w;
    *at = dy + (row.at + term.at);
    if (HasStride()) {
      if (h < 0 || w < 0 || h % g.stride_h != 0 || w % g.stride_w != 0) return false;
      h /= g.stride_h, w /= g.stride_w;
      *at += g.InY(h, w);
    }
    return static_cast<unsigned>(h) < static_cast<unsigned>(g.oh) &&
           static_cast<unsigned>(w) < static_cast<unsigned>(g.ow);
  }
  __device__ const float* B(const Term& term, int column) const {
    return weights + (term.b + std::int64_t{column} * g.k);
  }
  template <int kWords>
  __device__ void Finish(int row, int column, const Vector<kWords>& sums) const {
    Store(dx + (std::int64_t{row} * g.c + column), sums);
  }
};

// dw from x and dy: rows are (kh, kw, ic), terms the output pixels of a leaf, columns output
// channels.
struct WeightGradientProduct {
  static constexpr bool kTermsOfALieTogether = false, kTermsOfBLieTogether = false;
  Geometry g;
  Chains chains;
  const float *x, *dy;
  float* dw;

  __device__ Row RowAt(int row) const {
    unsigned ic, kw;
    const unsigned tap = g.by_c.Divide(static_cast<unsigned>(row), &ic);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    const int h = static_cast<int>(kh) * g.dilation_h - g.pad_top;
    const int w = static_cast<int>(kw) * g.dilation_w - g.pad_left;
    return {g.InX(h, w) + ic, h, w};
  }
  __device__ Term TermAt(int index) const {
    unsigned oh, ow;
    const unsigned line = g.by_ow.Divide(static_cast<unsigned>(index), &ow);
    const unsigned n = g.by_oh.Divide(line, &oh);
    const int h = static_cast<int>(oh) * g.stride_h, w = static_cast<int>(ow) * g.stride_w;
    return {n * g.InX(g.h, 0) + g.InX(h, w), h, w, std::int64_t{index} * g.k};
  }
  __device__ bool A(const Row& row, const Term& term, const float** at) const {
    return PixelOfX(g, x, row, term, at);
  }
  __device__ const float* B(const Term& term, int column) const { return dy + (term.b + column); }
  template <int kWords>
  __device__ void Finish(int row, int column, const Vector<kWords>& sums) const {
    Store(dw + (std::int64_t{row} * g.k + column), sums);
  }
};

bool AreWide(const Shape& s) { return s.c % 4 == 0 && s.k % 4 == 0; }

Chains OverBatch(const Shape& s) {
  const std::int64_t rows = s.ow >= kChainTerms ? 1 : kChainTerms / s.ow;
  return {s.oh * s.ow, s.n, static_cast<int>(s.leaves), static_cast<int>(rows * s.ow)};
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const ForwardProduct product{Geometry(s),   {s.r * s.s * s.c, 1, 1, kChainTerms},
                               buffers.in(0), buffers.in(1),
                               buffers.in(2), buffers.out(0),
                               s.relu};
  const bool wide = AreWide(s) && AreAligned(product.x, product.weights, product.bias, product.y);
  Multiply(Problem<ForwardProduct>{product, s.n * s.oh * s.ow, static_cast<int>(s.k), wide},
           stream);
}

void DataGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const DataGradientProduct product{Geometry(s),
                                    {s.r * s.s * s.k, 1, 1, kChainTerms},
                                    buffers.in(0),
                                    buffers.in(1),
                                    buffers.out(0)};
  const bool wide = AreWide(s) && AreAligned(product.dy, product.weights, product.dx);
  Multiply(Problem<DataGradientProduct>{product, s.n * s.h * s.w, static_cast<int>(s.c), wide},
           stream);
}

void WeightGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const WeightGradientProduct product{Geometry(s), OverBatch(s), buffers.in(0), buffers.in(1),
                                      buffers.out(0)};
  const bool wide = AreWide(s) && AreAligned(product.x, product.dy, product.dw);
  Multiply(Problem<WeightGradientProduct>{product, s.r * s.s * s.c, static_cast<int>(s.k), wide},
           stream);
}

namespace {

// One segment of the sums of 32 channels: a warp a chain, a lane a channel.
struct SegmentChains {
  float sums[kChainsPerSegment][32];
};

__global__ void __launch_bounds__(kChainsPerSegment * 32)
    SumChannels(Chains chains, const float* dy, int channels, int segments, float* sums) {
  auto& memory = Shared<SegmentChains>();
  const int lane = static_cast<int>(threadIdx.x % 32), chain = static_cast<int>(threadIdx.x / 32);
  const int channel = static_cast<int>(blockIdx.y) * 32 + lane;
  const int leaf = static_cast<int>(blockIdx.x) / segments;
  const std::int64_t segment = blockIdx.x % segments;
  const std::int64_t terms = chains.Terms(leaf);
  const std::int64_t begin = (segment * kChainsPerSegment + chain) * chains.chain;
  const std::int64_t end = begin + chains.chain < terms ? begin + chains.chain : terms;
  float acc = 0.0f;
  if (channel < channels) {
    const float* const first = dy + chains.FirstTerm(leaf) * channels;
#pragma unroll 16
    for (std::int64_t k = begin; k < end; ++k) acc = __fadd_rn(acc, first[k * channels + channel]);
  }
  memory.sums[chain][lane] = acc;
  __syncthreads();
  if (chain != 0 || channel >= channels || begin >= terms) return;
  float sum = memory.sums[0][lane];
  for (int i = 1; i < kChainsPerSegment; ++i) {
    if ((segment * kChainsPerSegment + i) * chains.chain < terms) {
      sum = __fadd_rn(sum, memory.sums[i][lane]);
    }
  }
  sums[std::int64_t{blockIdx.x} * channels + channel] = sum;
}

struct FinishChannels {
  Chains chains;
  float* db;
  __device__ std::int64_t chains_of(int leaf) const { return chains.ChainsOf(leaf); }
  __device__ void operator()(std::int64_t i, float sum) const { db[i] = sum; }
};

}  // namespace

void BiasGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const Chains chains = OverBatch(s);
  const int segments = PartsOf(chains, false).segments;
  float* const sums = stream.Scratch(s.leaves * segments * s.k);
  Launch(stream,
         {static_cast<unsigned>(s.leaves * segments), static_cast<unsigned>((s.k + 31) / 32)},
         kChainsPerSegment * 32, SumChannels, chains, buffers.in(0), static_cast<int>(s.k),
         segments, sums);
  CombineParts(stream, PartSums{sums, s.k, static_cast<int>(s.leaves), segments, 1},
               FinishChannels{chains, buffers.out(0)});
}

}  // namespace samebits::conv2d::SAMEBITS_GPU
