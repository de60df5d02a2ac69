#include "kernels/core/threefry.h"

#include <bit>
#include <cmath>

namespace samebits {
namespace {

// The counter of block i of a stream of n words; h is n / 2, rounded up.
ThreefryBlock Counter(std::uint32_t i, std::uint32_t h, std::uint32_t n) {
  return {i, h + i < n ? h + i : 0};
}

}  // namespace

ThreefryBlock Threefry2x32(ThreefryKey key, ThreefryBlock counter) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const std::uint32_t schedule[3] = {key.draw, key.call, key.draw ^ key.call ^ 0x1BD11BDA};
  std::uint32_t x0 = counter[0] + schedule[0];
  std::uint32_t x1 = counter[1] + schedule[1];
  for (std::uint32_t i = 0; i < 5; ++i) {
    for (const int rotation : kRotations[i % 2]) {
      x0 += x1;
      x1 = std::rotl(x1, rotation) ^ x0;
    }
    x0 += schedule[(i + 1) % 3];
    x1 += schedule[(i + 2) % 3] + i + 1;
  }
  return {x0, x1};
}

std::uint32_t ThreefryWord(ThreefryKey key, std::uint32_t i, std::uint32_t n) {
  const std::uint32_t h = n / 2 + n % 2;
  const std::uint32_t half = i < h ? 0 : 1;
  return Threefry2x32(key, Counter(i - half * h, h, n))[half];
}

void ThreefryWords(ThreefryKey key, std::span<std::uint32_t> words) {
  const auto n = static_cast<std::uint32_t>(words.size());
  const std::uint32_t h = n / 2 + n % 2;
  for (std::uint32_t i = 0; i < h; ++i) {
    const auto [first, second] = Threefry2x32(key, Counter(i, h, n));
    words[i] = first;
    if (h + i < n) words[h + i] = second;
  }
}

float UnitUniform(std::uint32_t word) {
  // The bits of a float in [1, 2), minus 1.
  return std::bit_cast<float>((word >> 9) | 0x3F800000) - 1.0f;
}

float Uniform(std::uint32_t word, float low, float high) {
  // Rounding twice, without fma, would change about half of the values.
  const float value = std::fma(UnitUniform(word), high - low, low);
  return value < low ? low : value;
}

}  // namespace samebits
