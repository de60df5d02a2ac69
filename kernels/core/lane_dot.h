// The contract's dot for W neighbouring outputs at once, in plain C++ that a compiler vectorises
// across them. Included once by each file of an ISA, which defines SAMEBITS_ISA: the code lives in
// that namespace, so that no function is shared between files built with different flags.
#pragma once

#include <cmath>
#include <cstdint>

namespace samebits::SAMEBITS_ISA {

// Contract numbers, repeated as enumerators because an inline variable would be shared.
enum : std::int64_t { kChainTerms = 256, kChainsPerSegment = 16, kDeepestTree = 40 };

template <int W>
class LaneDot {
 public:
  explicit LaneDot(std::int64_t chain = kChainTerms) : chain_(chain) {
    for (int j = 0; j < W; ++j) acc_[j] = segment_[j] = 0.0f;
  }

  // Terms a[i*a_step] * b[i*b_step + lane], i in [0, count).
  void Fma(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step,
           std::int64_t count) {
    while (count > 0) {
      const std::int64_t now = count < chain_ - terms_ ? count : chain_ - terms_;
      float acc[W];
      for (int j = 0; j < W; ++j) acc[j] = acc_[j];
      for (std::int64_t i = 0; i < now; ++i) {
        for (int j = 0; j < W; ++j) acc[j] = std::fma(*a, b[j], acc[j]);
        a += a_step;
        b += b_step;
      }
      for (int j = 0; j < W; ++j) acc_[j] = acc[j];
      Pass(now);
      count -= now;
    }
  }

  // Terms a[i*step + lane].
  void Add(const float* a, std::int64_t step, std::int64_t count) {
    while (count > 0) {
      const std::int64_t now = count < chain_ - terms_ ? count : chain_ - terms_;
      float acc[W];
      for (int j = 0; j < W; ++j) acc[j] = acc_[j];
      for (std::int64_t i = 0; i < now; ++i) {
        for (int j = 0; j < W; ++j) acc[j] = acc[j] + a[j];
        a += step;
      }
      for (int j = 0; j < W; ++j) acc_[j] = acc[j];
      Pass(now);
      count -= now;
    }
  }

  // `count` absent terms: they keep their place.
  void Absent(std::int64_t count) {
    while (count > 0) {
      const std::int64_t now = count < chain_ - terms_ ? count : chain_ - terms_;
      Pass(now);
      count -= now;
    }
  }

  void Result(float* out) {
    if (terms_ != 0) EndChain();
    if (chains_ != 0) EndSegment();
    int level = 0;
    if (segments_ == 0) {
      for (int j = 0; j < W; ++j) out[j] = 0.0f;
      return;
    }
    while (!(segments_ >> level & 1)) ++level;
    for (int j = 0; j < W; ++j) out[j] = levels_[level][j];
    while (segments_ >> ++level) {
      if (segments_ >> level & 1) {
        for (int j = 0; j < W; ++j) out[j] = levels_[level][j] + out[j];
      }
    }
    for (int j = 0; j < W; ++j) out[j] = out[j] + 0.0f;
  }

 private:
  void Pass(std::int64_t terms) {
    terms_ += terms;
    if (terms_ == chain_) EndChain();
  }

  void EndChain() {
    if (chains_ == 0) {
      for (int j = 0; j < W; ++j) segment_[j] = acc_[j];
    } else {
      for (int j = 0; j < W; ++j) segment_[j] = segment_[j] + acc_[j];
    }
    for (int j = 0; j < W; ++j) acc_[j] = 0.0f;
    terms_ = 0;
    if (++chains_ == kChainsPerSegment) EndSegment();
  }

  void EndSegment() {
    int level = 0;
    for (std::int64_t n = segments_; n & 1; n >>= 1, ++level) {
      for (int j = 0; j < W; ++j) segment_[j] = levels_[level][j] + segment_[j];
    }
    for (int j = 0; j < W; ++j) levels_[level][j] = segment_[j];
    ++segments_;
    chains_ = 0;
  }

  std::int64_t chain_, terms_ = 0, chains_ = 0, segments_ = 0;
  // Aligned: sums in memory at the stack's random start made a mean over 4 x 4 pixels take 1.5 to 3
  // times as long in one process of eight.
  alignas(W % 16 == 0 ? 64 : alignof(float)) float acc_[W];
  float segment_[W];
  float levels_[kDeepestTree][W];
};

// Calls body(first, width) for all of [0, count), width a compile-time 32, 8 or 1.
template <class Body>
void ForEachLaneBlock(std::int64_t count, const Body& body) {
  std::int64_t first = 0;
  for (; first + 32 <= count; first += 32) body.template operator()<32>(first);
  for (; first + 8 <= count; first += 8) body.template operator()<8>(first);
  for (; first < count; ++first) body.template operator()<1>(first);
}

// out[i] = tree over the leaves of sums[leaf*count + i]; overwrites the sums. leaves = 2^k.
inline void TreeOverLeaves(float* sums, std::int64_t leaves, std::int64_t count, float* out) {
  for (std::int64_t step = 1; step < leaves; step *= 2) {
    for (std::int64_t leaf = 0; leaf < leaves; leaf += 2 * step) {
      float* left = sums + leaf * count;
      const float* right = sums + (leaf + step) * count;
      for (std::int64_t i = 0; i < count; ++i) left[i] = left[i] + right[i];
    }
  }
  for (std::int64_t i = 0; i < count; ++i) out[i] = sums[i];
}

}  // namespace samebits::SAMEBITS_ISA
