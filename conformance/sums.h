// The pieces that a dot is made of, to be put together wrongly.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/core/contract.h"
#include "kernels/core/terms.h"

namespace samebits {

using Sums = std::vector<float>;

// The sums of consecutive chains of `length` terms, the first one begun with `start`.
inline Sums Chains(const Terms& terms, std::size_t length, float start = 0.0f) {
  Sums sums;
  for (std::size_t begin = 0; begin < terms.size(); begin += length) {
    float acc = begin == 0 ? start : 0.0f;
    for (std::size_t i = begin; i < std::min(begin + length, terms.size()); ++i) {
      if (terms[i].present) acc = std::fma(terms[i].a, terms[i].b, acc);
    }
    sums.push_back(acc);
  }
  return sums;
}

inline float LeftToRight(const Sums& sums) {
  if (sums.empty()) return 0.0f;
  float sum = sums[0];
  for (std::size_t i = 1; i < sums.size(); ++i) sum = sum + sums[i];
  return sum;
}

inline Sums Segments(const Sums& chains, std::size_t length) {
  Sums sums;
  for (std::size_t begin = 0; begin < chains.size(); begin += length) {
    const std::size_t end = std::min(begin + length, chains.size());
    sums.push_back(LeftToRight(Sums(chains.begin() + static_cast<std::ptrdiff_t>(begin),
                                    chains.begin() + static_cast<std::ptrdiff_t>(end))));
  }
  return sums;
}

inline float TreeOf(const Sums& sums) {
  Tree tree;
  for (const float sum : sums) tree.Add(sum);
  return tree.Result();
}

// The contract's dot when called with the contract's numbers.
inline float BlockedDot(const Terms& terms, std::size_t chain, std::size_t segment) {
  return TreeOf(Segments(Chains(terms, chain), segment)) + 0.0f;
}

}  // namespace samebits
