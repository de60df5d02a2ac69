// The contract of dropout, one element at a time.
#include <array>
#include <bit>

#include "kernels/core/team.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::reference {
namespace {

// Threefry-2x32, 20 rounds (Salmon et al., SC11).
std::array<std::uint32_t, 2> Threefry(std::uint32_t k0, std::uint32_t k1, std::uint32_t x0,
                                      std::uint32_t x1) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const std::uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDAu};
  x0 += keys[0];
  x1 += keys[1];
  for (std::uint32_t i = 0; i < 5; ++i) {
    for (const int rotation : kRotations[i % 2]) {
      x0 += x1;
      x1 = std::rotl(x1, rotation) ^ x0;
    }
    x0 += keys[(i + 1) % 3];
    x1 += keys[(i + 2) % 3] + i + 1;
  }
  return {x0, x1};
}

std::uint32_t Word(const std::int64_t* stream, std::int64_t i, std::int64_t n) {
  const std::int64_t half = (n + 1) / 2;
  const std::int64_t first = i % half, second = half + first;
  const auto words = Threefry(
      static_cast<std::uint32_t>(stream[0]), static_cast<std::uint32_t>(stream[1]),
      static_cast<std::uint32_t>(first), second < n ? static_cast<std::uint32_t>(second) : 0u);
  return words[i < half ? 0 : 1];
}

}  // namespace

// Forward and backward are the same function of their first input.
void Apply(const Case& id, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(id);
  const float* x = buffers.in(0);
  const auto* stream = buffers.in<std::int64_t>(1);
  float* y = buffers.out(0);
  for (std::int64_t i = 0; i < s.n; ++i) {
    const bool kept = Word(stream, i, s.n) >> 9 < s.keep_below;
    y[i] = kept ? x[i] * s.scale : 0.0f;
  }
}

}  // namespace samebits::dropout::reference
