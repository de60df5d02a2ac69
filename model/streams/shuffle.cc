#include "model/streams/shuffle.h"

#include <algorithm>
#include <cstddef>

#include "kernels/core/philox.h"

namespace samebits {
namespace {

PhiloxStream StreamOf(ShuffleSeeds seeds) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  return {.key = {low(seeds.seed), high(seeds.seed)},
          .high = {low(seeds.seed2), high(seeds.seed2)}};
}

// The seeds of one iterator: the words 2k and 2k+1 lie in one block.
ShuffleSeeds IteratorSeeds(ShuffleSeeds seeds, std::uint64_t iterator) {
  const PhiloxBlock block = StreamOf(seeds).Block(iterator / 2);
  const std::size_t first = 2 * (iterator % 2);
  return {block[first], block[first + 1]};
}

}  // namespace

std::vector<std::uint32_t> Shuffle::Order(std::uint64_t iterator, std::uint32_t n) const {
  const PhiloxStream stream =
      StreamOf(reshuffle_each_iteration ? IteratorSeeds(seeds, iterator) : seeds);
  const std::size_t size = std::min(buffer, n);
  std::vector<std::uint32_t> ring(size);
  std::uint32_t filled = 0;
  for (; filled < size; ++filled) ring[filled] = filled;

  std::vector<std::uint32_t> order(n);
  PhiloxBlock words;
  for (std::uint32_t start = 0; start < n; ++start) {
    if (start % 4 == 0) words = stream.Block(start / 4);
    const std::uint32_t held = filled - start;
    const std::size_t chosen = (start + std::size_t{words[start % 4] % held}) % size;
    order[start] = ring[chosen];
    ring[chosen] = ring[start % size];
    if (filled < n) ring[start % size] = filled++;
  }
  return order;
}

}  // namespace samebits
