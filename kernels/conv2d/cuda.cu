// conv2d as an implicit matrix product: no im2col buffer lies in memory.
//
// A block computes a tile of outputs, one segment of their dots: 16 chains, each in registers from
// +0, folded left to right. What has one segment is finished there, all others meet in
// CombineSegments: who computes which segment cannot change a bit, and nothing is atomic.
//
// An absent term multiplies by zero, which gives the same bits unless the other factor is infinite
// or NaN. That makes the output NaN, and a thread does an output that is NaN again, term by term.
#include "kernels/conv2d/conv2d.h"
#include "kernels/cuda/arithmetic.h"

namespace samebits::conv2d::SAMEBITS_GPU {
namespace {

using samebits::SAMEBITS_GPU::CombineSegments;
using samebits::SAMEBITS_GPU::Divisor;
using samebits::SAMEBITS_GPU::Fold;
using samebits::SAMEBITS_GPU::ForEach;
using samebits::SAMEBITS_GPU::kChainsPerSegment;
using samebits::SAMEBITS_GPU::kChainTerms;
using samebits::SAMEBITS_GPU::Launch;
using samebits::SAMEBITS_GPU::LeafBegin;
using samebits::SAMEBITS_GPU::Shared;

// One factor of a term: the pixel (h, w) of an image at `base`.
struct Place {
  std::int64_t base;
  int h, w;
};

// A dot's structure: `leaves` leaves, each of so many terms in chains of `chain`.
struct Chains {
  std::int64_t terms_of_sample, samples;  // a leaf without a batch has one sample
  int leaves, chain;

  __host__ __device__ std::int64_t FirstSample(int leaf) const {
    return LeafBegin(leaf, samples, leaves);
  }
  __host__ __device__ std::int64_t Terms(int leaf) const {
    return (FirstSample(leaf + 1) - FirstSample(leaf)) * terms_of_sample;
  }
  __host__ __device__ int Segments(int leaf) const {
    const std::int64_t segment = std::int64_t{chain} * kChainsPerSegment;
    return static_cast<int>((Terms(leaf) + segment - 1) / segment);
  }
  int MostSegments() const {
    int most = 1;
    for (int leaf = 0; leaf < leaves; ++leaf) {
      const int own = Segments(leaf);
      if (own > most) most = own;
    }
    return most;
  }
};

// What the three products have in common. Output (row, column) is a dot of A(row, term) and
// B(term, column).
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

  int h, w, c, k, oh, ow;
  int stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  Divisor by_c, by_k, by_s, by_w, by_h, by_ow, by_oh;
};

// A channel of a tap: where it lies from its row's place, and its row of B.
struct TapTerm {
  int h, w;
  int channel;
  std::int64_t b;
};

// y = x * w: rows are output pixels, terms (kh, kw, ic), columns output channels.
struct ForwardProduct {
  static constexpr bool kTermsLieTogether = true;  // in A; else rows do
  Geometry g;
  Chains chains;
  const float *x, *weights, *bias;
  float* y;
  bool relu;

  using Term = TapTerm;

  __device__ Place RowAt(std::int64_t row) const {
    unsigned oh, ow;
    const unsigned line = g.by_ow.Divide(static_cast<unsigned>(row), &ow);
    const unsigned n = g.by_oh.Divide(line, &oh);
    return {std::int64_t{n} * g.h * g.w * g.c, static_cast<int>(oh) * g.stride_h - g.pad_top,
            static_cast<int>(ow) * g.stride_w - g.pad_left};
  }
  __device__ Term TermAt(int, std::int64_t index) const {
    unsigned ic, kw;
    const unsigned tap = g.by_c.Divide(static_cast<unsigned>(index), &ic);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    return {static_cast<int>(kh) * g.dilation_h, static_cast<int>(kw) * g.dilation_w,
            static_cast<int>(ic), index * g.k};
  }
  __device__ bool A(const Place& row, const Term& term, float* value) const {
    const int ih = row.h + term.h, iw = row.w + term.w;
    if (ih < 0 || ih >= g.h || iw < 0 || iw >= g.w) return false;
    *value = x[row.base + (std::int64_t{ih} * g.w + iw) * g.c + term.channel];
    return true;
  }
  __device__ float B(const Term& term, int column) const { return weights[term.b + column]; }
  __device__ void Finish(std::int64_t row, int column, float sum) const {
    const float out = sum + bias[column];
    y[row * g.k + column] = !relu || out > 0.0f || out != out ? out : 0.0f;
  }
};

// dx from dy: rows are input pixels, terms (kh, kw, oc), columns input channels.
struct DataGradientProduct {
  static constexpr bool kTermsLieTogether = true;
  Geometry g;
  Chains chains;
  const float *dy, *weights;
  float* dx;

  using Term = TapTerm;

  __device__ Place RowAt(std::int64_t row) const {
    unsigned ih, iw;
    const unsigned line = g.by_w.Divide(static_cast<unsigned>(row), &iw);
    const unsigned n = g.by_h.Divide(line, &ih);
    return {std::int64_t{n} * g.oh * g.ow * g.k, static_cast<int>(ih) + g.pad_top,
            static_cast<int>(iw) + g.pad_left};
  }
  __device__ Term TermAt(int, std::int64_t index) const {
    unsigned oc, kw;
    const unsigned tap = g.by_k.Divide(static_cast<unsigned>(index), &oc);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    return {static_cast<int>(kh) * g.dilation_h, static_cast<int>(kw) * g.dilation_w,
            static_cast<int>(oc), std::int64_t{tap} * g.c * g.k + oc};
  }
  __device__ bool A(const Place& row, const Term& term, float* value) const {
    const int top = row.h - term.h, left = row.w - term.w;
    if (top < 0 || left < 0 || top % g.stride_h != 0 || left % g.stride_w != 0) return false;
    const int oh = top / g.stride_h, ow = left / g.stride_w;
    if (oh >= g.oh || ow >= g.ow) return false;
    *value = dy[row.base + (std::int64_t{oh} * g.ow + ow) * g.k + term.channel];
    return true;
  }
  __device__ float B(const Term& term, int column) const {
    return weights[term.b + std::int64_t{column} * g.k];
  }
  __device__ void Finish(std::int64_t row, int column, float sum) const {
    dx[row * g.c + column] = sum;
  }
};

// dw from x and dy: rows are (kh, kw, ic), terms the output pixels of a leaf, columns output
// channels.
struct WeightGradientProduct {
  static constexpr bool kTermsLieTogether = false;
  Geometry g;
  Chains chains;
  const float *x, *dy;
  float* dw;

  struct Term {
    int h, w;
    std::int64_t base;
    std::int64_t b;
  };

  __device__ Place RowAt(std::int64_t row) const {
    unsigned ic, kw;
    const unsigned tap = g.by_c.Divide(static_cast<unsigned>(row), &ic);
    const unsigned kh = g.by_s.Divide(tap, &kw);
    return {ic, static_cast<int>(kh) * g.dilation_h - g.pad_top,
            static_cast<int>(kw) * g.dilation_w - g.pad_left};
  }
  __device__ Term TermAt(int leaf, std::int64_t index) const {
    unsigned oh, ow;
    const std::int64_t pixel = chains.FirstSample(leaf) * chains.terms_of_sample + index;
    const unsigned line = g.by_ow.Divide(static_cast<unsigned>(pixel), &ow);
    const unsigned n = g.by_oh.Divide(line, &oh);
    return {static_cast<int>(oh) * g.stride_h, static_cast<int>(ow) * g.stride_w,
            std::int64_t{n} * g.h * g.w * g.c, pixel * g.k};
  }
  __device__ bool A(const Place& row, const Term& term, float* value) const {
    const int ih = row.h + term.h, iw = row.w + term.w;
    if (ih < 0 || ih >= g.h || iw < 0 || iw >= g.w) return false;
    *value = x[term.base + (std::int64_t{ih} * g.w + iw) * g.c + row.base];
    return true;
  }
  __device__ float B(const Term& term, int column) const { return dy[term.b + column]; }
  __device__ void Finish(std::int64_t row, int column, float sum) const {
    dw[row * g.k + column] = sum;
  }
};

constexpr int kSlab = 16;      // terms in shared memory at a time
constexpr int kThreads = 256;  // of a block

// Tiles of kRows x kColumns outputs, kEachRow x kEachColumn to a thread: outputs (i * kDown + its
// row, j * kAcross + its column), so that neighbours read neighbouring words of shared memory.
template <int kRows_, int kColumns_, int kEachRow_, int kEachColumn_>
struct Tiling {
  static constexpr int kRows = kRows_, kColumns = kColumns_;
  static constexpr int kEachRow = kEachRow_, kEachColumn = kEachColumn_;
  static constexpr int kDown = kRows / kEachRow, kAcross = kColumns / kEachColumn;
  static constexpr int kRowFetches = kRows * kSlab / kThreads;
  static constexpr int kColumnFetches = kColumns * kSlab / kThreads;
  static_assert(kDown * kAcross == kThreads);
  static_assert(kRows * kSlab % kThreads == 0 && kColumns * kSlab % kThreads == 0);
};

// What a block shares. Two slabs, and the terms of two: one is used while the next is on its way.
template <class Product, class Tile>
struct Memory {
  Place rows[Tile::kRows];
  typename Product::Term terms[2][kSlab];
  float a[2][kSlab][Tile::kRows];
  float b[2][kSlab][Tile::kColumns];
};

// The tile of one block, and its segment.
struct Work {
  std::int64_t row;  // the first of the tile
  int column;
  std::int64_t rows;  // of the product
  int columns;
  int leaf;
  std::int64_t begin, end;  // terms of the segment
};

// Up to kSlab terms of one chain.
struct Slab {
  std::int64_t first, end;  // `end` is that of the chain

  __device__ int Terms() const {
    return end - first < kSlab ? static_cast<int>(end - first) : kSlab;
  }
  __device__ bool EndsChain() const { return first + kSlab >= end; }
  __device__ Slab Next(const Chains& chains, const Work& work) const {
    if (!EndsChain()) return {first + kSlab, end};
    return {end, end + chains.chain < work.end ? end + chains.chain : work.end};
  }
};

// What a thread fetches of one slab, on its way to shared memory; zeros behind its end and for
// absent terms.
template <class Product, class Tile>
struct Fetched {
  float a[Tile::kRowFetches];
  float b[Tile::kColumnFetches];

  // Places in a slab of A, so that neighbours read neighbours.
  __device__ static int TermOfA(int index) {
    return Product::kTermsLieTogether ? index % kSlab : index / Tile::kRows;
  }
  __device__ static int RowOfA(int index) {
    return Product::kTermsLieTogether ? index / kSlab : index % Tile::kRows;
  }

  __device__ void Fetch(const Product& p, const Work& work, const Place* rows,
                        const typename Product::Term* terms, int count) {
#pragma unroll
    for (int i = 0; i < Tile::kRowFetches; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kThreads;
      const int k = TermOfA(index), row = RowOfA(index);
      a[i] = 0.0f;
      if (k < count && work.row + row < work.rows) p.A(rows[row], terms[k], &a[i]);
    }
#pragma unroll
    for (int i = 0; i < Tile::kColumnFetches; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kThreads;
      const int k = index / Tile::kColumns, column = work.column + index % Tile::kColumns;
      b[i] = k < count && column < work.columns ? p.B(terms[k], column) : 0.0f;
    }
  }

  __device__ void Put(float (&to_a)[kSlab][Tile::kRows], float (&to_b)[kSlab][Tile::kColumns]) {
#pragma unroll
    for (int i = 0; i < Tile::kRowFetches; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kThreads;
      to_a[TermOfA(index)][RowOfA(index)] = a[i];
    }
#pragma unroll
    for (int i = 0; i < Tile::kColumnFetches; ++i) {
      const int index = static_cast<int>(threadIdx.x) + i * kThreads;
      to_b[index / Tile::kColumns][index % Tile::kColumns] = b[i];
    }
  }
};

// The segment's sum for one output, term by term. Not inlined: once for every output of a thread
// would be most of the kernel.
template <class Product>
[[gnu::noinline]] __device__ float SegmentOf(const Product& p, const Work& work, std::int64_t row,
                                             int column) {
  const Place place = p.RowAt(row);
  float sum = 0.0f;
  for (std::int64_t chain = work.begin; chain < work.end; chain += p.chains.chain) {
    const std::int64_t past = chain + p.chains.chain;
    const std::int64_t end = past < work.end ? past : work.end;
    float acc = 0.0f;
    for (std::int64_t k = chain; k < end; ++k) {
      const typename Product::Term term = p.TermAt(work.leaf, k);
      float a;
      if (p.A(place, term, &a)) acc = __fmaf_rn(a, p.B(term, column), acc);
    }
    sum = chain == work.begin ? acc : sum + acc;
  }
  return sum;
}

template <class Tile>
__device__ void MultiplySlab(const float (&a)[kSlab][Tile::kRows],
                             const float (&b)[kSlab][Tile::kColumns],
                             float (&acc)[Tile::kEachRow][Tile::kEachColumn]) {
  const int thread = static_cast<int>(threadIdx.x);
  const int down = thread / Tile::kAcross, across = thread % Tile::kAcross;
#pragma unroll
  for (int k = 0; k < kSlab; ++k) {
    float own_a[Tile::kEachRow], own_b[Tile::kEachColumn];
#pragma unroll
    for (int i = 0; i < Tile::kEachRow; ++i) own_a[i] = a[k][i * Tile::kDown + down];
#pragma unroll
    for (int j = 0; j < Tile::kEachColumn; ++j) own_b[j] = b[k][j * Tile::kAcross + across];
#pragma unroll
    for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kEachColumn; ++j) {
        acc[i][j] = __fmaf_rn(own_a[i], own_b[j], acc[i][j]);
      }
    }
  }
}

template <class Product, class Tile>
__device__ void SumSegment(const Product& p, const Work& work,
                           float (&sum)[Tile::kEachRow][Tile::kEachColumn]) {
  auto& memory = Shared<Memory<Product, Tile>>();
  const int thread = static_cast<int>(threadIdx.x);
  const auto put_terms = [&](const Slab& slab, int buffer) {
    if (thread < slab.Terms()) {
      memory.terms[buffer][thread] = p.TermAt(work.leaf, slab.first + thread);
    }
  };
  for (int i = thread; i < Tile::kRows; i += kThreads) {
    if (work.row + i < work.rows) memory.rows[i] = p.RowAt(work.row + i);
  }
  Slab next{work.begin,
            work.begin + p.chains.chain < work.end ? work.begin + p.chains.chain : work.end};
  put_terms(next, 0);
  __syncthreads();

  float acc[Tile::kEachRow][Tile::kEachColumn];
#pragma unroll
  for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kEachColumn; ++j) acc[i][j] = 0.0f;
  }
  Fetched<Product, Tile> fetched;
  Slab now{0, 0};
  bool first_chain = true;
  // Slab `now` lies in buffer ^ 1 of shared memory and is multiplied, the terms of slab `next` in
  // `buffer`: its factors are fetched, and the terms of the one behind it put beside.
  for (int buffer = 0;; buffer ^= 1) {
    const bool more = next.first < work.end;
    const Slab behind = next.Next(p.chains, work);
    if (more) {
      fetched.Fetch(p, work, memory.rows, memory.terms[buffer], next.Terms());
      if (behind.first < work.end) put_terms(behind, buffer ^ 1);
    }
    if (now.end != 0) {
      MultiplySlab<Tile>(memory.a[buffer ^ 1], memory.b[buffer ^ 1], acc);
      if (now.EndsChain()) {
#pragma unroll
        for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
          for (int j = 0; j < Tile::kEachColumn; ++j) {
            sum[i][j] = first_chain ? acc[i][j] : sum[i][j] + acc[i][j];
            acc[i][j] = 0.0f;
          }
        }
        first_chain = false;
      }
    }
    if (!more) break;
    fetched.Put(memory.a[buffer], memory.b[buffer]);
    __syncthreads();
    now = next, next = behind;
  }
}

// `sums`: null where every dot has one segment.
template <class Product, class Tile>
__global__ void __launch_bounds__(kThreads)
    MultiplyTiles(Product p, std::int64_t rows, int columns, int segments, float* sums) {
  const std::int64_t row_tiles = (rows + Tile::kRows - 1) / Tile::kRows;
  const auto part = static_cast<int>(blockIdx.x / row_tiles);
  const std::int64_t segment = part % segments;
  Work work;
  work.row = blockIdx.x % row_tiles * Tile::kRows;
  work.column = static_cast<int>(blockIdx.y) * Tile::kColumns;
  work.rows = rows, work.columns = columns;
  work.leaf = part / segments;
  const std::int64_t terms = p.chains.Terms(work.leaf);
  const std::int64_t length = std::int64_t{p.chains.chain} * kChainsPerSegment;
  work.begin = segment * length;
  work.end = work.begin + length < terms ? work.begin + length : terms;
  if (work.begin >= work.end && sums != nullptr) return;

  float sum[Tile::kEachRow][Tile::kEachColumn];
#pragma unroll
  for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kEachColumn; ++j) sum[i][j] = 0.0f;
  }
  SumSegment<Product, Tile>(p, work, sum);

  const int thread = static_cast<int>(threadIdx.x);
  const int down = thread / Tile::kAcross, across = thread % Tile::kAcross;
#pragma unroll
  for (int i = 0; i < Tile::kEachRow; ++i) {
    const std::int64_t row = work.row + i * Tile::kDown + down;
#pragma unroll
    for (int j = 0; j < Tile::kEachColumn; ++j) {
      const int column = work.column + j * Tile::kAcross + across;
      if (row >= rows || column >= columns) continue;
      float out = sum[i][j];
      if (out != out) out = SegmentOf(p, work, row, column);
      if (sums == nullptr) {
        p.Finish(row, column, out + 0.0f);
      } else {
        sums[(std::int64_t{part} * rows + row) * columns + column] = out;
      }
    }
  }
}

// The end of a dot of many segments.
template <class Product>
struct FinishProduct {
  Product product;
  int columns;
  __device__ int segments_of(int leaf) const { return product.chains.Segments(leaf); }
  __device__ void operator()(std::int64_t i, float sum) const {
    product.Finish(i / columns, static_cast<int>(i % columns), sum);
  }
};

template <class Tile, class Product>
void MultiplyBy(const Product& product, std::int64_t rows, std::int64_t columns,
                DeviceStream& stream) {
  const int segments = product.chains.MostSegments();
  const std::int64_t parts = std::int64_t{product.chains.leaves} * segments;
  float* const sums = parts == 1 ? nullptr : stream.Scratch(parts * rows * columns);
  const std::int64_t row_tiles = (rows + Tile::kRows - 1) / Tile::kRows;
  const std::int64_t column_tiles = (columns + Tile::kColumns - 1) / Tile::kColumns;
  Launch(stream, {static_cast<unsigned>(row_tiles * parts), static_cast<unsigned>(column_tiles)},
         kThreads, MultiplyTiles<Product, Tile>, product, rows, static_cast<int>(columns), segments,
         sums);
  if (sums == nullptr) return;
  const FinishProduct<Product> finish{product, static_cast<int>(columns)};
  ForEach(stream, rows * columns,
          CombineSegments<FinishProduct<Product>>{sums, rows * columns, product.chains.leaves,
                                                  segments, finish});
}

template <class Product>
void Multiply(const Product& product, std::int64_t rows, std::int64_t columns,
              DeviceStream& stream) {
  constexpr std::int64_t kWorthLarge = 128 * 1024;  // outputs: some tiles for every processor
  if (columns <= 32 && rows >= 1024) {
    MultiplyBy<Tiling<128, 32, 4, 4>>(product, rows, columns, stream);
  } else if (columns > 64 && rows * columns >= kWorthLarge) {
    MultiplyBy<Tiling<128, 128, 8, 8>>(product, rows, columns, stream);
  } else {
    MultiplyBy<Tiling<32, 32, 2, 2>>(product, rows, columns, stream);
  }
}

}  // namespace

void Forward(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const ForwardProduct product{Geometry(s),   {s.r * s.s * s.c, 1, 1, kChainTerms},
                               buffers.in(0), buffers.in(1),
                               buffers.in(2), buffers.out(0),
                               s.relu};
  Multiply(product, s.n * s.oh * s.ow, s.k, stream);
}

void DataGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const DataGradientProduct product{Geometry(s),
                                    {s.r * s.s * s.k, 1, 1, kChainTerms},
                                    buffers.in(0),
                                    buffers.in(1),
                                    buffers.out(0)};
  Multiply(product, s.n * s.h * s.w, s.c, stream);
}

namespace {

Chains OverBatch(const Shape& s) {
  const std::int64_t rows = s.ow >= kChainTerms ? 1 : kChainTerms / s.ow;
  return {s.oh * s.ow, s.n, static_cast<int>(s.leaves), static_cast<int>(rows * s.ow)};
}

}  // namespace

void WeightGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const WeightGradientProduct product{Geometry(s), OverBatch(s), buffers.in(0), buffers.in(1),
                                      buffers.out(0)};
  Multiply(product, s.r * s.s * s.c, s.k, stream);
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
    const float* const first = dy + chains.FirstSample(leaf) * chains.terms_of_sample * channels;
    for (std::int64_t k = begin; k < end; ++k) acc = acc + first[k * channels + channel];
  }
  memory.sums[chain][lane] = acc;
  __syncthreads();
  if (chain != 0 || channel >= channels || begin >= terms) return;
  float sum = memory.sums[0][lane];
  for (int i = 1; i < kChainsPerSegment; ++i) {
    if ((segment * kChainsPerSegment + i) * chains.chain < terms) sum = sum + memory.sums[i][lane];
  }
  sums[std::int64_t{blockIdx.x} * channels + channel] = sum;
}

struct FinishChannels {
  Chains chains;
  float* db;
  __device__ int segments_of(int leaf) const { return chains.Segments(leaf); }
  __device__ void operator()(std::int64_t i, float sum) const { db[i] = sum; }
};

}  // namespace

void BiasGradient(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const Chains chains = OverBatch(s);
  const int segments = chains.MostSegments();
  float* const sums = stream.Scratch(s.leaves * segments * s.k);
  Launch(stream,
         {static_cast<unsigned>(s.leaves * segments), static_cast<unsigned>((s.k + 31) / 32)},
         kChainsPerSegment * 32, SumChannels, chains, buffers.in(0), static_cast<int>(s.k),
         segments, sums);
  ForEach(stream, s.k,
          CombineSegments<FinishChannels>{
              sums, s.k, static_cast<int>(s.leaves), segments, {chains, buffers.out(0)}});
}

}  // namespace samebits::conv2d::SAMEBITS_GPU
