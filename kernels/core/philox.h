// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3" (SC11): block i of a stream is a pure function of its key and its counter.
//
// One round, with 32 x 32 -> 64-bit products a = 0xD2511F53 * c0 and b = 0xCD9E8D57 * c2:
//   (c0, c1, c2, c3) = (hi(b) ^ c1 ^ k0, lo(b), hi(a) ^ c3 ^ k1, lo(a)).
// Ten rounds; between two rounds k0 += 0x9E3779B9 and k1 += 0xBB67AE85.
#pragma once

#include <array>
#include <cstdint>

namespace samebits {

using PhiloxKey = std::array<std::uint32_t, 2>;
using PhiloxBlock = std::array<std::uint32_t, 4>;

// The four words at `counter`, least significant word first.
constexpr PhiloxBlock Philox4x32(PhiloxKey key, PhiloxBlock counter) {
  constexpr int kRounds = 10;
  auto [c0, c1, c2, c3] = counter;
  auto [k0, k1] = key;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

// Philox as TensorFlow walks it: block i has the counter (low half of i, high half of i, high[0],
// high[1]), and its four words follow those of block i - 1.
struct PhiloxStream {
  PhiloxKey key;
  std::array<std::uint32_t, 2> high;

  // Of the seed of a stateless operation, after Keras has mapped its 64-bit seeds to 32-bit ones
  // and TensorFlow has scrambled them.
  static constexpr PhiloxStream OfSeed(std::uint32_t draw, std::uint32_t call) {
    constexpr std::uint32_t kModulus = 0x7FFFFFFE;
    const PhiloxBlock mixed =
        Philox4x32({0x3EC8F720, 0x02461E29}, {draw % kModulus, 0, call % kModulus, 0});
    return {.key = {mixed[0], mixed[1]}, .high = {mixed[2], mixed[3]}};
  }

  constexpr PhiloxBlock Block(std::uint64_t i) const {
    return Philox4x32(key, {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                            high[0], high[1]});
  }
};

}  // namespace samebits
