// The contract's sums for the threads of a GPU (kernels/core/contract.h has them in scalar loops).
// Included by .cu files.
#pragma once

#include "kernels/cuda/device.h"

namespace samebits::SAMEBITS_GPU {
namespace {

// Contract numbers, repeated because what is inline there would be shared.
enum : int { kChainTerms = 256, kChainsPerSegment = 16, kPartialElements = 4096, kRowLanes = 16 };

// The contract's tree of values that arrive in order: level l holds a full subtree of 2^l.
class Fold {
 public:
  __device__ void Add(float x) {
    int level = 0;
    for (unsigned n = count_; (n & 1) != 0; n >>= 1, ++level) x = levels_[level] + x;
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
      if ((count_ >> level & 1) != 0) sum = levels_[level] + sum;
    }
    return sum;
  }

 private:
  static constexpr int kLevels = 31;
  float levels_[kLevels];
  unsigned count_ = 0;
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
__global__ void ForEachElement(std::int64_t count, Element element) {
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
void ForEach(Stream& stream, std::int64_t count, const Element& element) {
  if (count == 0) return;
  Launch(stream, {BlocksFor(count, kThreads)}, kThreads, ForEachElement<Element>, count, element);
}

// sums[(leaf * segments + segment) * count + i] are the segments of output i in a leaf, the first
// segments_of(leaf) of them. Each leaf's tree, + 0.0f, the tree over the leaves, then `finish`.
template <class Finish>
struct CombineSegments {
  const float* sums;
  std::int64_t count;
  int leaves, segments;
  Finish finish;  // int segments_of(int leaf); void operator()(int64 i, float sum)

  __device__ void operator()(std::int64_t i) const {
    Fold over_leaves;
    for (int leaf = 0; leaf < leaves; ++leaf) {
      Fold over_segments;
      const int own = finish.segments_of(leaf);
      for (int segment = 0; segment < own; ++segment) {
        over_segments.Add(sums[(std::int64_t{leaf} * segments + segment) * count + i]);
      }
      over_leaves.Add(over_segments.Result() + 0.0f);
    }
    finish(i, over_leaves.Result());
  }
};

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
