// Threefry-2x32 with 20 rounds (Salmon et al., SC11), and the words and uniform floats that JAX
// makes of it with jax_threefry_partitionable=False, its default before version 0.5.
//
// A block: with ks = (k0, k1, k0 ^ k1 ^ 0x1BD11BDA), x0 += ks0, x1 += ks1, then for i = 0..4
//   four times { x0 += x1; x1 = rotl(x1, d) ^ x0 }, d = 13, 15, 26, 6 (i even), 17, 29, 16, 24
//   (odd) x0 += ks[(i + 1) % 3]; x1 += ks[(i + 2) % 3] + i + 1.
//
// n words, with h = ceil(n / 2): the block with counter (i, h + i) holds word i and word h + i. If
// n is odd, the last block has no second word and its counter is (h - 1, 0).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace samebits {

using ThreefryBlock = std::array<std::uint32_t, 2>;

// Keras' JAX backend keys a stream with the raw pair (draw, call), which is not
// jax.random.PRNGKey(draw) = (0, draw). Initializers have call 0.
struct ThreefryKey {
  std::uint32_t draw = 0;
  std::uint32_t call = 0;
};

ThreefryBlock Threefry2x32(ThreefryKey key, ThreefryBlock counter);

// Word i of the stream of n words, i < n. Other n give other words.
std::uint32_t ThreefryWord(ThreefryKey key, std::uint32_t i, std::uint32_t n);

// All the words of a stream of words.size() < 2^32 - 1, in half the time of one by one.
void ThreefryWords(ThreefryKey key, std::span<std::uint32_t> words);

// In [0, 1): the high 23 bits of `word`, divided by 2^23 (exact).
float UnitUniform(std::uint32_t word);

// In [low, high): max(low, fma(UnitUniform(word), high - low, low)).
float Uniform(std::uint32_t word, float low, float high);

}  // namespace samebits
