// MT19937 (Matsumoto and Nishimura, 1998) as CPython's `random` and NumPy's legacy `numpy.random`
// use it, word for word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace samebits {

class MersenneTwister {
 public:
  // random.Random(seed): started by init_by_array with the 32-bit limbs of the seed, least
  // significant first; the seed 0 has the one limb 0.
  static MersenneTwister OfPython(std::uint64_t seed);

  // numpy.random.RandomState(seed), and numpy.random.seed(seed): started by init_genrand.
  static MersenneTwister OfNumpy(std::uint32_t seed) { return MersenneTwister(seed); }

  // The next 32 tempered bits: random.getrandbits(32).
  std::uint32_t NextWord();

  // In [0, 1): random.random(), and one value of numpy.random.rand(): the high 27 bits of a word
  // and the high 26 of the next, as one integer, divided by 2^53.
  double NextUniform();

  // random.randint(low, high), both ends included. With m = high - low + 1 <= 2^32 - 1 values and k
  // the bit length of m, takes the top k bits of a word, again and again until they are below m.
  std::int64_t RandInt(std::int64_t low, std::int64_t high);

 private:
  static constexpr std::size_t kSize = 624;

  explicit MersenneTwister(std::uint32_t seed);  // init_genrand
  void MixIn(std::span<const std::uint32_t> limbs);
  void Regenerate();

  std::array<std::uint32_t, kSize> state_;
  std::size_t next_ = kSize;  // the first word of state_ not yet handed out
};

}  // namespace samebits
