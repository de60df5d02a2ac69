// What the builds of portable.cc share without sharing code: parts, ready to be summed.
#pragma once

#include "kernels/all_reduce/all_reduce.h"

namespace samebits::all_reduce {

struct PartsInOrder {
  std::int64_t count;        // of parts
  const float* const* data;  // of each
  const int* merges;         // behind each (kernels/core/leaves.h)
  std::int64_t depth;        // of the stack, at most
  const std::int64_t* last;  // for each that is left at the end: the part that completes it
  float* const* sums;        // and its place
  const float** stack;       // `depth` places
};

// Elements [begin, end) of each.
using PartsFunction = void(const PartsInOrder& parts, std::int64_t begin, std::int64_t end);

// With each leaf a part.
void SumLeaves(const Shape& s, const float* x, float* y, std::int64_t begin, std::int64_t end,
               PartsFunction* sum);

}  // namespace samebits::all_reduce
