// The order in which tf.data's Dataset.shuffle yields the elements 0..n-1, as TensorFlow 2.21 does
// it on every backend of Keras.
//
// Words: Philox4x32-10 as single words in order, key = the two halves of seed, counter starting at
// (0, 0, low half of seed2, high half of seed2). With reshuffle_each_iteration, iterator k of the
// dataset (k = 0, 1, ...) uses the words 2k and 2k+1 of the stream of the dataset's seeds as the
// seed and seed2 of its own stream; without, every iterator uses the dataset's.
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

// Dataset.shuffle(buffer, reshuffle_each_iteration); RandomSources (seeds.h) gives the seeds.
struct Shuffle {
  ShuffleSeeds seeds;
  std::uint32_t buffer;  // at least 1
  bool reshuffle_each_iteration = true;

  // The order of iterator `iterator` over n elements. Model.fit over a dataset of known size takes
  // the iterators 0, 2, 4, ... for its epochs: it makes and discards one more in each.
  std::vector<std::uint32_t> Order(std::uint64_t iterator, std::uint32_t n) const;
};

}  // namespace samebits
