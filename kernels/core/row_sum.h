// The contract's row sum in plain C++ that a compiler vectorises across its 16 lanes. Included like
// lane_dot.h.
#pragma once

#include <cstdint>

#include "kernels/core/lane_dot.h"

namespace samebits::SAMEBITS_ISA {

enum : std::int64_t { kPartialElements = 4096, kPartialLanes = 16 };

// Every 4,096 elements a partial: 16 lanes, tree over the lanes; tree over the partials.
template <class Element>  // float Element(int64 i)
float RowSum(std::int64_t n, const Element& element) {
  float levels[kDeepestTree];
  std::int64_t partials = 0;
  for (std::int64_t begin = 0; begin < n; begin += kPartialElements) {
    const std::int64_t end = n - begin < kPartialElements ? n : begin + kPartialElements;
    float lanes[kPartialLanes] = {};
    std::int64_t i = begin;
    for (; i + kPartialLanes <= end; i += kPartialLanes) {
      for (int j = 0; j < kPartialLanes; ++j) lanes[j] = lanes[j] + element(i + j);
    }
    for (int j = 0; i < end; ++i, ++j) lanes[j] = lanes[j] + element(i);
    for (int step = 1; step < kPartialLanes; step *= 2) {
      for (int j = 0; j < kPartialLanes; j += 2 * step) lanes[j] = lanes[j] + lanes[j + step];
    }
    float sum = lanes[0];
    int level = 0;
    for (std::int64_t p = partials; p & 1; p >>= 1, ++level) sum = levels[level] + sum;
    levels[level] = sum;
    ++partials;
  }
  if (partials == 0) return 0.0f;
  int level = 0;
  while (!(partials >> level & 1)) ++level;
  float sum = levels[level];
  while (partials >> ++level) {
    if (partials >> level & 1) sum = levels[level] + sum;
  }
  return sum;
}

// Per leaf a row sum of its samples' values, tree over the leaves. `sums` has room for the leaves.
inline float SumOverLeaves(const float* samples, std::int64_t n, std::int64_t leaves, float* sums) {
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    const std::int64_t begin = leaf * n / leaves, end = (leaf + 1) * n / leaves;
    sums[leaf] = RowSum(end - begin, [&](std::int64_t i) { return samples[begin + i]; });
  }
  float sum;
  TreeOverLeaves(sums, leaves, 1, &sum);
  return sum;
}

}  // namespace samebits::SAMEBITS_ISA
