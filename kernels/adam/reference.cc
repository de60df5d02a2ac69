// The contract of Adam, one weight at a time.
#include <cmath>

#include "kernels/adam/adam.h"
#include "kernels/core/team.h"

namespace samebits::adam::reference {

void Update(const Case& id, const Buffers& buffers, Team&) {
  const float *w = buffers.in(0), *m = buffers.in(1), *v = buffers.in(2), *g = buffers.in(3);
  const float alpha = Alpha(buffers.in<std::int64_t>(4)[0]);
  const std::int64_t n = id.Get("n");
  for (std::int64_t i = 0; i < n; ++i) {
    const float new_m = m[i] + (g[i] - m[i]) * kGain1;
    const float new_v = v[i] + (g[i] * g[i] - v[i]) * kGain2;
    buffers.out(0)[i] = w[i] - (new_m * alpha) / (std::sqrt(new_v) + kEpsilon);
    buffers.out(1)[i] = new_m;
    buffers.out(2)[i] = new_v;
  }
}

}  // namespace samebits::adam::reference
