// The tree over the leaves, element by element: what workers and ranks reduce their sums with.
//
// Case: n (leaves, a power of two) c (elements of a leaf); v, if it is there, is n.
//
//   all_reduce_v1  y[c] = tree over n of x[n,c]; no zero is added, no division: -0 stays
#pragma once

#include <span>

#include "kernels/core/op.h"

namespace samebits::all_reduce {

struct Shape {
  std::int64_t n, c;
};

// Throws UserError when an extent is out of range.
Shape ShapeOf(const Case& c);

extern const Op kAllReduce;

// Sums of subtrees (kernels/core/leaves.h): parts[i] holds the elements of the i-th, and sums[k]
// gets those of the k-th that is left; it may be a part that goes into it. By the best vectors of
// this machine, on this thread, under the caller's floating-point state.
void SumParts(const float* const* parts, std::span<const int> merges, std::int64_t elements,
              float* const* sums);

}  // namespace samebits::all_reduce
