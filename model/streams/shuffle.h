// The order in which tf.data's Dataset.shuffle(buffer, reshuffle_each_iteration=True) yields the
// elements 0..n-1, as TensorFlow 2.21 does it.
//
// Words: Philox4x32-10 as single words in order, key = the two halves of seed, counter starting at
// (0, 0, low half of seed2, high half of seed2). Iterator k of the dataset (k = 0, 1, ...) uses the
// words 2k and 2k+1 of the stream of the dataset's seeds as the seed and seed2 of its own stream.
//
// Order: a buffer is filled with the first elements. Then, until it is empty: with `held` elements
// from position `start`, offset = word % held; position start + offset is yielded, the element at
// `start` takes its place, `start` moves on by one, and the next element, if any, is put behind the
// last. Positions are modulo the buffer's size. A buffer of n or more gives Fisher-Yates.
#pragma once

#include <cstdint>
#include <vector>

namespace samebits {

struct ShuffleSeeds {
  std::uint64_t seed = 0;
  std::uint64_t seed2 = 0;
};

// The seeds of the first shuffle() after keras.utils.set_random_seed(global_seed), global_seed >=
// 0: seed = global_seed % (2^31 - 1), and seed2 = random.Random(global_seed).randint(0, 2^31 - 1)
// from a generator of its own. (0, 0) would mean "no seed" and becomes (0, 2^31 - 1).
ShuffleSeeds ShuffleSeedsFor(std::int64_t global_seed);

// The order of iterator `iterator` over n elements, with a buffer of at least 1. Model.fit over a
// dataset of known size takes the iterators 0, 2, 4, ... for its epochs: it makes and discards one
// more in each.
std::vector<std::uint32_t> ShuffleOrder(ShuffleSeeds seeds, std::uint64_t iterator, std::uint32_t n,
                                        std::uint32_t buffer);

}  // namespace samebits
