#include "model/streams/mersenne_twister.h"

#include <bit>

namespace samebits {

MersenneTwister::MersenneTwister(std::uint32_t seed) {
  state_[0] = seed;
  for (std::uint32_t i = 1; i < kSize; ++i) {
    state_[i] = 1812433253 * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
}

MersenneTwister MersenneTwister::OfPython(std::uint64_t seed) {
  const std::array limbs = {static_cast<std::uint32_t>(seed),
                            static_cast<std::uint32_t>(seed >> 32)};
  MersenneTwister twister(19650218);
  twister.MixIn(std::span(limbs).first(limbs[1] == 0 ? 1 : 2));
  return twister;
}

void MersenneTwister::MixIn(std::span<const std::uint32_t> limbs) {
  // Both passes walk the state cyclically through the words 1..623; word 0 follows word 623.
  std::uint32_t i = 1;
  const auto previous = [&] { return state_[i - 1] ^ (state_[i - 1] >> 30); };
  const auto advance = [&] {
    if (++i == kSize) {
      state_[0] = state_[kSize - 1];
      i = 1;
    }
  };
  for (std::size_t step = 0; step < kSize; ++step) {
    const auto j = static_cast<std::uint32_t>(step % limbs.size());
    state_[i] = (state_[i] ^ (previous() * 1664525)) + limbs[j] + j;
    advance();
  }
  for (std::size_t step = 1; step < kSize; ++step) {
    state_[i] = (state_[i] ^ (previous() * 1566083941)) - i;
    advance();
  }
  state_[0] = 0x80000000;
}

void MersenneTwister::Regenerate() {
  constexpr std::size_t kShift = 397;
  for (std::size_t i = 0; i < kSize; ++i) {
    const std::uint32_t joined = (state_[i] & 0x80000000) | (state_[(i + 1) % kSize] & 0x7FFFFFFF);
    state_[i] = state_[(i + kShift) % kSize] ^ (joined >> 1) ^ ((joined & 1) != 0 ? 0x9908B0DF : 0);
  }
  next_ = 0;
}

std::uint32_t MersenneTwister::NextWord() {
  if (next_ == kSize) Regenerate();
  std::uint32_t word = state_[next_++];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9D2C5680;
  word ^= (word << 15) & 0xEFC60000;
  return word ^ (word >> 18);
}

double MersenneTwister::NextUniform() {
  const std::uint32_t high = NextWord() >> 5;
  const std::uint32_t low = NextWord() >> 6;
  return (high * 0x1p26 + low) * 0x1p-53;
}

std::int64_t MersenneTwister::RandInt(std::int64_t low, std::int64_t high) {
  const auto values = static_cast<std::uint32_t>(high - low + 1);
  const int shift = std::countl_zero(values);
  std::uint32_t draw;
  do {
    draw = NextWord() >> shift;
  } while (draw >= values);
  return low + draw;
}

}  // namespace samebits
