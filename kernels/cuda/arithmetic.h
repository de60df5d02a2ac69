// The contract's sums for the threads of a GPU (kernels/core/contract.h has them in scalar loops).
// Included by .cu files.
#pragma once

#include "kernels/cuda/device.h"

namespace samebits::SAMEBITS_GPU {
namespace {

// Contract numbers, repeated because what is inline there would be shared.
enum : int { kChainTerms = 256, kChainsPerSegment = 16, kPartialElements = 4096, kRowLanes = 16 };

// The first sample of a leaf, of so many in a batch of so many samples.
__host__ __device__ inline std::int64_t LeafBegin(std::int64_t leaf, std::int64_t batch,
                                                  std::int64_t leaves) {
  return leaf * batch / leaves;
}

// The contract's tree of values that arrive in order: level l holds a full subtree of 2^l.
class Fold {
 public:
  __device__ void Add(float x) {
    int level = 0;
    for (unsigned n = count_; (n & 1) != 0; n >>= 1, ++level) x = __fadd_rn(levels_[level], x);
    levels_[level] = x;
    ++count_;
  }

  // +0 when there was none.
  __device__ float Result() const {
    if (count_ == 0) return 0.0f;
    int level = 0;
    while ((count_ >> level & 1) == 0) ++level;
    float sum = levels_[level];
    while (count_ >> ++level != 0) {
      if ((count_ >> level & 1) != 0) sum = __fadd_rn(levels_[level], sum);
    }
    return sum;
  }

 private:
  static constexpr int kLevels = 31;
  float levels_[kLevels];
  unsigned count_ = 0;
};

// A dot or channel sum whose terms arrive in order: as kernels/core/contract.h's Dot.
class Dot {
 public:
  __device__ void Fma(float a, float b) {
    acc_ = __fmaf_rn(a, b, acc_);
    Absent();
  }
  __device__ void Add(float x) {
    acc_ = __fadd_rn(acc_, x);
    Absent();
  }
  // A whole chain's sum, or the last one's.
  __device__ void AddChain(float sum) {
    acc_ = sum;
    EndChain();
  }
  // An absent term keeps its place.
  __device__ void Absent() {
    if (++terms_ == kChainTerms) EndChain();
  }
  __device__ float Result() {
    if (terms_ != 0) EndChain();
    if (chains_ != 0) EndSegment();
    return __fadd_rn(tree_.Result(), 0.0f);
  }

 private:
  __device__ void EndChain() {
    segment_ = chains_ == 0 ? acc_ : __fadd_rn(segment_, acc_);
    acc_ = 0.0f;
    terms_ = 0;
    if (++chains_ == kChainsPerSegment) EndSegment();
  }
  __device__ void EndSegment() {
    tree_.Add(segment_);
    chains_ = 0;
  }

  int terms_ = 0, chains_ = 0;
  float acc_ = 0.0f, segment_ = 0.0f;
  Fold tree_;
};

// Half a warp is the 16 lanes of a row sum, and does a row.
constexpr unsigned kRowThreads = 128;  // of a block
constexpr unsigned kRowsPerBlock = kRowThreads / kRowLanes;

__device__ inline int RowLane() { return static_cast<int>(threadIdx.x % kRowLanes); }
__device__ inline unsigned RowMask() { return 0xFFFFU << (threadIdx.x % 32 / 16 * 16); }
__device__ inline std::int64_t RowIndex() {
  return std::int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.x / kRowLanes;
}

// tree over the 16 lanes, in every lane: a + b is b + a.
__device__ inline float TreeOverLanes(float x) {
#pragma unroll
  for (int lanes = 1; lanes < kRowLanes; lanes *= 2) {
    x = __fadd_rn(x, __shfl_xor_sync(RowMask(), x, lanes));
  }
  return x;
}

// The row sum of element(0) to element(n - 1), in every lane.
template <class Element>
__device__ float RowSum(std::int64_t n, const Element& element) {
  Fold partials;
  for (std::int64_t begin = 0; begin < n; begin += kPartialElements) {
    const std::int64_t end = n - begin < kPartialElements ? n : begin + kPartialElements;
    float lane = 0.0f;
    for (std::int64_t i = begin + RowLane(); i < end; i += kRowLanes) {
      lane = __fadd_rn(lane, element(i));
    }
    partials.Add(TreeOverLanes(lane));
  }
  return partials.Result();
}

// row(index) by half a warp for every index in [0, count).
template <class Row>
__global__ void __launch_bounds__(kRowThreads) ForEachRowThread(std::int64_t count, Row row) {
  const std::int64_t index = RowIndex();
  if (index < count) row(index);
}

template <class Row>
void ForEachRow(DeviceStream& stream, std::int64_t count, const Row& row) {
  const auto blocks = static_cast<unsigned>((count + kRowsPerBlock - 1) / kRowsPerBlock);
  Launch(stream, {blocks}, kRowThreads, ForEachRowThread<Row>, count, row);
}

// Row sums over the samples of each leaf, then the tree over the leaves, divided by `divisor`: 1
// where other parts of the batch are still to come.
struct LeafSum {
  const float* samples;
  std::int64_t count;
  std::int64_t leaves;
  float* sums;  // one a leaf

  struct Sample {
    const float* first;
    __device__ float operator()(std::int64_t i) const { return first[i]; }
  };
  __device__ void operator()(std::int64_t leaf) const {
    const std::int64_t begin = LeafBegin(leaf, count, leaves);
    const std::int64_t end = LeafBegin(leaf + 1, count, leaves);
    const float sum = RowSum(end - begin, Sample{samples + begin});
    if (RowLane() == 0) sums[leaf] = sum;
  }
};

struct TreeOverLeafSums {
  const float* sums;
  std::int64_t leaves;
  float divisor;
  float* mean;
  __device__ void operator()(std::int64_t) const {
    Fold tree;
    for (std::int64_t leaf = 0; leaf < leaves; ++leaf) tree.Add(sums[leaf]);
    *mean = tree.Result() / divisor;
  }
};

// n / d and n % d by a multiplication, for 0 <= n < 2^31 and 1 <= d < 2^31: with 2^(s-1) < d <= 2^s
// and m = ceil(2^(31+s) / d), n*m exceeds n * 2^(31+s) / d by less than 2^(31+s) / d.
class Divisor {
 public:
  explicit Divisor(std::int64_t d) : divisor_(static_cast<unsigned>(d)) {
    while ((std::int64_t{1} << shift_) < d) ++shift_;
    shift_ += 31;
    multiplier_ = static_cast<unsigned>(((std::uint64_t{1} << shift_) + d - 1) / d);
  }
  __device__ unsigned Divide(unsigned n, unsigned* remainder) const {
    const auto quotient = static_cast<unsigned>(std::uint64_t{n} * multiplier_ >> shift_);
    *remainder = n - quotient * divisor_;
    return quotient;
  }

 private:
  unsigned divisor_, multiplier_;
  int shift_ = 0;
};

// Elements of an elementwise kernel: one thread each, and again where the grid is too small.
constexpr unsigned kThreads = 256;

template <class Element>
__global__ void __launch_bounds__(kThreads) ForEachElement(std::int64_t count, Element element) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    element(i);
  }
}

inline unsigned BlocksFor(std::int64_t count, unsigned per_block) {
  constexpr std::int64_t kMost = 1 << 20;
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  return static_cast<unsigned>(blocks < kMost ? blocks : kMost);
}

// element(i) for i in [0, count).
template <class Element>
void ForEach(DeviceStream& stream, std::int64_t count, const Element& element) {
  if (count == 0) return;
  Launch(stream, {BlocksFor(count, kThreads)}, kThreads, ForEachElement<Element>, count, element);
}

// Parts of `count` outputs' dots: sums[((leaf * segments + segment) * pieces + piece) * count + i],
// the segments of output i in each leaf, whole (one piece) or a chain to a piece.
struct PartSums {
  const float* sums;
  std::int64_t count;
  int leaves, segments, pieces;

  // The leaf's dot, of so many chains: segments left to right, their tree, + 0.0f.
  __device__ float OfLeaf(int leaf, std::int64_t chains, std::int64_t i) const {
    Fold over_segments;
    for (int segment = 0; chains > 0; ++segment, chains -= kChainsPerSegment) {
      const float* const first =
          sums + (std::int64_t{leaf} * segments + segment) * pieces * count + i;
      const int own = chains < pieces ? static_cast<int>(chains) : pieces;
      float sum = *first;
#pragma unroll 8
      for (int piece = 1; piece < own; ++piece) sum = __fadd_rn(sum, first[piece * count]);
      over_segments.Add(sum);
    }
    return __fadd_rn(over_segments.Result(), 0.0f);
  }
};

// A thread a leaf of an output, kLeaves of them at a time; then the first does the tree over
// leaves.
template <int kLeaves>
struct LeafSums {
  float sums[kLeaves][kThreads / kLeaves];
};

template <int kLeaves, class Finish>
__global__ void __launch_bounds__(kThreads)
    CombineLeaves(PartSums parts, const __grid_constant__ Finish finish) {
  constexpr int kOutputs = kThreads / kLeaves;
  auto& of_leaf = Shared<LeafSums<kLeaves>>().sums;
  const unsigned output = threadIdx.x % kOutputs, own = threadIdx.x / kOutputs;
  const std::int64_t i = std::int64_t{blockIdx.x} * kOutputs + output;
  Fold over_leaves;
  for (int first = 0; first < parts.leaves; first += kLeaves) {
    const int leaf = first + static_cast<int>(own);
    if (leaf < parts.leaves && i < parts.count) {
      of_leaf[own][output] = parts.OfLeaf(leaf, finish.chains_of(leaf), i);
    }
    __syncthreads();
    if (own == 0 && i < parts.count) {
      for (int j = 0; j < kLeaves && first + j < parts.leaves; ++j) {
        over_leaves.Add(of_leaf[j][output]);
      }
    }
    __syncthreads();
  }
  if (own == 0 && i < parts.count) finish(i, over_leaves.Result());
}

// The rest of all dots: each leaf's, and the tree over the leaves.
template <class Finish>  // int64 chains_of(int leaf); void operator()(int64 i, float sum)
void CombineParts(DeviceStream& stream, const PartSums& parts, const Finish& finish) {
  const auto blocks = [&](std::int64_t leaves) {
    const std::int64_t outputs = kThreads / leaves;
    return static_cast<unsigned>((parts.count + outputs - 1) / outputs);
  };
  if (parts.leaves == 1) {
    Launch(stream, {blocks(1)}, kThreads, CombineLeaves<1, Finish>, parts, finish);
  } else {
    Launch(stream, {blocks(8)}, kThreads, CombineLeaves<8, Finish>, parts, finish);
  }
}

inline void MeanOverBatch(DeviceStream& stream, const float* samples, std::int64_t count,
                          std::int64_t leaves, float divisor, float* mean) {
  float* const sums = stream.Scratch(leaves);
  ForEachRow(stream, leaves, LeafSum{samples, count, leaves, sums});
  ForEach(stream, 1, TreeOverLeafSums{sums, leaves, divisor, mean});
}

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
