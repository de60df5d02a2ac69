// The contract's row sum, its 16 lanes in vectors. Included like lane_dot.h.
#pragma once

#include <cstdint>

#include "kernels/core/lane_dot.h"
#include "kernels/core/lanes.h"

namespace samebits::SAMEBITS_ISA {

enum : std::int64_t { kPartialElements = 4096, kPartialLanes = 16 };

// Every 4,096 elements a partial: 16 lanes, tree over the lanes; tree over the partials. The
// element loads what it is made of by load(pointer); the zeros that this puts behind the last of a
// row leave their lanes as they are, for no lane is ever -0.
template <class Element>  // Floats Element(const auto& load, int64 i)
[[gnu::always_inline]] inline float RowSum(std::int64_t n, const Element& element) {
  constexpr std::int64_t kVectors = std::int64_t{kPartialLanes} / kVectorLanes;
  const auto add = [](Floats a, Floats b) { return a + b; };
  float levels[kDeepestTree];
  std::int64_t partials = 0;
  for (std::int64_t begin = 0; begin < n; begin += kPartialElements) {
    const std::int64_t end = n - begin < kPartialElements ? n : begin + kPartialElements;
    Floats lanes[kVectors] = {};
    std::int64_t i = begin;
    for (; i + kPartialLanes <= end; i += kPartialLanes) {
      for (std::int64_t v = 0; v < kVectors; ++v) {
        lanes[v] = lanes[v] + element(LoadAll{}, i + v * kVectorLanes);
      }
    }
    for (std::int64_t v = 0; v < kVectors && i < end; ++v, i += kVectorLanes) {
      const std::int64_t count = end - i < kVectorLanes ? end - i : kVectorLanes;
      lanes[v] =
          lanes[v] + element([&](const float* p) { return LoadFirst(p, count, Floats{}); }, i);
    }
    for (std::int64_t v = 0; v < kVectors; ++v) lanes[v] = TreeOverLanes(lanes[v], add);
    for (std::int64_t step = 1; step < kVectors; step *= 2) {
      for (std::int64_t v = 0; v < kVectors; v += 2 * step) lanes[v] = lanes[v] + lanes[v + step];
    }
    float sum = lanes[0][0];
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
    sums[leaf] = RowSum(
        end - begin, [&](const auto& load, std::int64_t i) { return load(samples + begin + i); });
  }
  float sum;
  TreeOverLeaves(sums, leaves, 1, &sum);
  return sum;
}

}  // namespace samebits::SAMEBITS_ISA
