// Adam in plain C++: the compiler vectorises across weights.
#include <cmath>

#include "kernels/adam/adam.h"
#include "kernels/core/team.h"

namespace samebits::adam::SAMEBITS_ISA {

void Update(const Case& id, const Buffers& buffers, Team& team) {
  const float *w = buffers.in(0), *m = buffers.in(1), *v = buffers.in(2), *g = buffers.in(3);
  float *new_w = buffers.out(0), *new_m = buffers.out(1), *new_v = buffers.out(2);
  const float alpha = Alpha(buffers.in<std::int64_t>(4)[0]);
  constexpr std::int64_t kGrain = 16 * 1024;
  team.RunRanges(id.Get("n"), kGrain, [&](std::int64_t begin, std::int64_t end) {
  // Inputs and outputs may be the same memory, element for element.
#ifndef __clang__  // which checks for overlap itself
#pragma GCC ivdep
#endif
    for (std::int64_t i = begin; i < end; ++i) {
      const float next_m = m[i] + (g[i] - m[i]) * kGain1;
      const float next_v = v[i] + (g[i] * g[i] - v[i]) * kGain2;
      new_w[i] = w[i] - (next_m * alpha) / (std::sqrt(next_v) + kEpsilon);
      new_m[i] = next_m;
      new_v[i] = next_v;
    }
  });
}

}  // namespace samebits::adam::SAMEBITS_ISA
