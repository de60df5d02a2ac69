#include "model/streams/shuffle.h"

#include <algorithm>
#include <cstddef>

#include "kernels/core/philox.h"
#include "model/streams/mersenne_twister.h"

namespace samebits {
namespace {

std::uint32_t Low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t High(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// Block `i` of the words of one pair of seeds: the words 4i to 4i+3.
PhiloxBlock Block(ShuffleSeeds seeds, std::uint64_t i) {
  return Philox4x32({Low(seeds.seed), High(seeds.seed)},
                    {Low(i), High(i), Low(seeds.seed2), High(seeds.seed2)});
}

// The seeds of one iterator: the words 2k and 2k+1 lie in one block.
ShuffleSeeds IteratorSeeds(ShuffleSeeds seeds, std::uint64_t iterator) {
  const PhiloxBlock block = Block(seeds, iterator / 2);
  const std::size_t first = 2 * (iterator % 2);
  return {block[first], block[first + 1]};
}

}  // namespace

ShuffleSeeds ShuffleSeedsFor(std::int64_t global_seed) {
  constexpr std::int64_t kMax = 0x7FFFFFFF;
  const auto seed = static_cast<std::uint64_t>(global_seed);
  const std::int64_t seed2 = MersenneTwister(seed).RandInt(0, kMax);
  const ShuffleSeeds seeds = {seed % kMax, static_cast<std::uint64_t>(seed2)};
  if (seeds.seed == 0 && seeds.seed2 == 0) return {0, kMax};
  return seeds;
}

std::vector<std::uint32_t> ShuffleOrder(ShuffleSeeds seeds, std::uint64_t iterator, std::uint32_t n,
                                        std::uint32_t buffer) {
  const ShuffleSeeds own_seeds = IteratorSeeds(seeds, iterator);
  const std::size_t size = std::min(buffer, n);
  std::vector<std::uint32_t> ring(size);
  std::uint32_t filled = 0;
  for (; filled < size; ++filled) ring[filled] = filled;

  std::vector<std::uint32_t> order(n);
  PhiloxBlock words;
  for (std::uint32_t start = 0; start < n; ++start) {
    if (start % 4 == 0) words = Block(own_seeds, start / 4);
    const std::uint32_t held = filled - start;
    const std::size_t chosen = (start + std::size_t{words[start % 4] % held}) % size;
    order[start] = ring[chosen];
    ring[chosen] = ring[start % size];
    if (filled < n) ring[start % size] = filled++;
  }
  return order;
}

}  // namespace samebits
