// Python's `random.Random(seed)` for an integer seed, word for word as CPython 3: MT19937
// (Matsumoto and Nishimura, 1998) started by init_by_array with the 32-bit limbs of the seed, least
// significant first; the seed 0 has the one limb 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace samebits {

class MersenneTwister {
 public:
  explicit MersenneTwister(std::uint64_t seed);

  // The next 32 tempered bits: random.getrandbits(32).
  std::uint32_t NextWord();

  // random.randint(low, high), both ends included. With m = high - low + 1 <= 2^32 - 1 values and k
  // the bit length of m, takes the top k bits of a word, again and again until they are below m.
  std::int64_t RandInt(std::int64_t low, std::int64_t high);

 private:
  static constexpr std::size_t kSize = 624;

  void InitByArray(std::span<const std::uint32_t> limbs);
  void Regenerate();

  std::array<std::uint32_t, kSize> state_;
  std::size_t next_ = kSize;  // the first word of state_ not yet handed out
};

}  // namespace samebits
