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
  const auto first = static_cast<std::uint32_t>(s.first), of = static_cast<std::uint32_t>(s.of);
  float* y = buffers.out(0);
  for (std::int64_t j = 0; j < s.n; ++j) {
    const std::uint32_t i = first + static_cast<std::uint32_t>(j);
    const bool kept = s.tensorflow ? (philox.Block(i / 4)[i % 4] & 0x7FFFFF) >= s.keep_from
                                   : ThreefryWord(key, i, of) >> 9 < s.keep_below;
    y[j] = kept ? x[j] * s.scale : 0.0f;
  }
}

}  // namespace samebits::dropout::reference
