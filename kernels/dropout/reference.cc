// The contract of dropout, one element at a time.
#include "kernels/core/philox.h"
#include "kernels/core/team.h"
#include "kernels/core/threefry.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::reference {

namespace {

// Calls use(j, kept) for every element.
template <class Use>
void ForEach(const Shape& s, const std::int64_t* stream, const Use& use) {
  const ThreefryKey key = {static_cast<std::uint32_t>(stream[0]),
                           static_cast<std::uint32_t>(stream[1])};
  const PhiloxStream philox = PhiloxStream::OfSeed(key.draw, key.call);
  const auto first = static_cast<std::uint32_t>(s.first), of = static_cast<std::uint32_t>(s.of);
  for (std::int64_t j = 0; j < s.n; ++j) {
    const std::uint32_t i = first + static_cast<std::uint32_t>(j);
    const bool kept = s.tensorflow ? (philox.Block(i / 4)[i % 4] & 0x7FFFFF) >= s.keep_from
                                   : ThreefryWord(key, i, of) >> 9 < s.keep_below;
    use(j, kept);
  }
}

}  // namespace

// Forward and backward are the same function of their first input.
void Apply(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  float* y = buffers.out(0);
  ForEach(s, buffers.in<std::int64_t>(1),
          [&](std::int64_t j, bool kept) { y[j] = kept ? x[j] * s.scale : 0.0f; });
}

void Mask(const Case& id, const Buffers& buffers, Team&) {
  auto* const mask = buffers.out<std::uint8_t>(0);
  ForEach(ShapeOf(id), buffers.in<std::int64_t>(0),
          [&](std::int64_t j, bool kept) { mask[j] = kept ? 1 : 0; });
}

void Masked(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  const auto* const kept = buffers.in<std::uint8_t>(1);
  for (std::int64_t j = 0; j < s.n; ++j) {
    buffers.out(0)[j] = kept[j] != 0 ? x[j] * s.scale : 0.0f;
  }
}

}  // namespace samebits::dropout::reference
