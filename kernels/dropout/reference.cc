// The contract of dropout, one element at a time.
#include "kernels/core/philox.h"
#include "kernels/core/team.h"
#include "kernels/core/threefry.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::reference {

// Forward and backward are the same function of their first input.
void Apply(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  const auto* stream = buffers.in<std::int64_t>(1);
  const ThreefryKey key = {static_cast<std::uint32_t>(stream[0]),
                           static_cast<std::uint32_t>(stream[1])};
  const PhiloxStream philox = PhiloxStream::OfSeed(key.draw, key.call);
  const auto n = static_cast<std::uint32_t>(s.n);
  float* y = buffers.out(0);
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool kept = s.tensorflow ? (philox.Block(i / 4)[i % 4] & 0x7FFFFF) >= s.keep_from
                                   : ThreefryWord(key, i, n) >> 9 < s.keep_below;
    y[i] = kept ? x[i] * s.scale : 0.0f;
  }
}

}  // namespace samebits::dropout::reference
