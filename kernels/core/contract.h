// The contract's arithmetic, one term at a time: what every kernel must reproduce bit by bit.
// Only references and plans include this file: a file built for an ISA owns all of its code.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace samebits {

inline constexpr std::int64_t kChain = 256;     // terms in a chain
inline constexpr std::int64_t kSegment = 16;    // chains in a segment
inline constexpr std::int64_t kPartial = 4096;  // elements in a partial of a row sum
inline constexpr std::int64_t kLanes = 16;      // lanes of a partial
inline constexpr std::int64_t kLeaves = 8;      // V, where a case does not say otherwise

// tree(x_0..x_{n-1}): x_0 for n = 1, else tree(x_0..x_{p-1}) + tree(rest), p the largest power of
// two below n. Values arrive in order; level l holds the sum of a full subtree of 2^l values.
class Tree {
 public:
  void Add(float x) {
    int level = 0;
    for (std::uint64_t n = count_; n & 1; n >>= 1) x = levels_[level++] + x;
    levels_[level] = x;
    ++count_;
  }

  // The sum of all values; +0 when there was none.
  float Result() const {
    if (count_ == 0) return 0.0f;
    int level = 0;
    while (!(count_ >> level & 1)) ++level;
    float sum = levels_[level];
    while (count_ >> ++level) {
      if (count_ >> level & 1) sum = levels_[level] + sum;
    }
    return sum;
  }

 private:
  std::array<float, 64> levels_;
  std::uint64_t count_ = 0;
};

// A dot product or channel sum: chains of `chain` consecutive terms from +0, segments of 16 chains
// folded left to right, `tree` over the segments, + 0.0f. An absent term keeps its place.
class Dot {
 public:
  explicit Dot(std::int64_t chain = kChain) : chain_(chain) {}

  void Fma(float a, float b) {
    acc_ = std::fma(a, b, acc_);
    Next();
  }
  void Add(float a) {
    acc_ = acc_ + a;
    Next();
  }
  void Absent() { Next(); }

  float Result() {
    if (terms_ != 0) EndChain();
    if (chains_ != 0) EndSegment();
    return tree_.Result() + 0.0f;
  }

 private:
  void Next() {
    if (++terms_ == chain_) EndChain();
  }
  void EndChain() {
    segment_ = chains_ == 0 ? acc_ : segment_ + acc_;
    acc_ = 0.0f;
    terms_ = 0;
    if (++chains_ == kSegment) EndSegment();
  }
  void EndSegment() {
    tree_.Add(segment_);
    chains_ = 0;
  }

  std::int64_t chain_;
  std::int64_t terms_ = 0;   // in the open chain
  std::int64_t chains_ = 0;  // in the open segment
  float acc_ = 0.0f;
  float segment_ = 0.0f;
  Tree tree_;
};

// A row sum: every 4,096 consecutive elements make a partial (16 lanes from +0, lane j adds
// elements j, j+16, ...; tree over the lanes), then tree over the partials.
template <class Element>  // float Element(int64 i)
float RowSum(std::int64_t n, const Element& element) {
  Tree partials;
  for (std::int64_t begin = 0; begin < n; begin += kPartial) {
    const std::int64_t end = n - begin < kPartial ? n : begin + kPartial;
    std::array<float, kLanes> lanes{};
    for (std::int64_t i = begin; i < end; ++i) {
      float& lane = lanes[static_cast<std::size_t>((i - begin) % kLanes)];
      lane = lane + element(i);
    }
    Tree tree;
    for (const float lane : lanes) tree.Add(lane);
    partials.Add(tree.Result());
  }
  return partials.Result();
}

// Leaf i of a global batch of B samples and V leaves holds samples [LeafBegin(i), LeafBegin(i+1)).
constexpr std::int64_t LeafBegin(std::int64_t i, std::int64_t batch, std::int64_t leaves) {
  return i * batch / leaves;
}

// Per leaf a row sum of its samples' values, tree over the leaves.
template <class Value>  // float Value(int64 sample)
float SumOverLeaves(std::int64_t batch, std::int64_t leaves, const Value& value) {
  Tree tree;
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    const std::int64_t begin = LeafBegin(leaf, batch, leaves);
    const std::int64_t samples = LeafBegin(leaf + 1, batch, leaves) - begin;
    tree.Add(RowSum(samples, [&](std::int64_t i) { return value(begin + i); }));
  }
  return tree.Result();
}

// Whole rows of `width` terms in a chain of a weight or bias gradient.
constexpr std::int64_t RowsPerChain(std::int64_t width) {
  return width >= kChain ? 1 : kChain / width;
}

}  // namespace samebits
