// What keras.utils.set_random_seed(seed) seeds, and where each source of randomness of a program
// draws its numbers:
//
//   a layer or initializer built without a seed   Python's random      NextLayerSeed()
//   its weights, its dropout masks                its seed alone       Stream (stream.h)
//   a shuffle() of a tf.data.Dataset              the backend's seed   NextShuffle()
//   data that the program makes itself            numpy.random.rand    NextNumpy()
//
// The three generators know nothing of each other: a draw from one moves none of the others, and
// each can be seeded by itself.
#pragma once

#include <cstdint>

#include "model/streams/mersenne_twister.h"
#include "model/streams/shuffle.h"

namespace samebits {

struct GlobalSeeds {
  std::int64_t python, numpy, backend;

  static constexpr GlobalSeeds All(std::int64_t seed) { return {seed, seed, seed}; }
  bool operator==(const GlobalSeeds&) const = default;
};

class RandomSources {
 public:
  // Throws UserError where Keras refuses a seed: below 0 or above 2^32 - 1.
  explicit RandomSources(const GlobalSeeds& seeds);

  // random.randint(1, 10**9). Keras draws when an object is constructed, in the order of the
  // program: once for each random initializer (the kernel of Conv2D or Dense), once for each
  // Dropout. An object with a seed of its own draws nothing.
  std::uint32_t NextLayerSeed();

  // One value of numpy.random.rand().
  double NextNumpy();

  // The seeds of a shuffle() without a seed: (backend % (2^31 - 1), random.Random(backend)
  // .randint(0, 2^31 - 1)), the next draw of that generator for each such shuffle().
  ShuffleSeeds NextShuffle();

  // The seeds of shuffle(seed=seed): (backend % (2^31 - 1), seed % (2^31 - 1)).
  ShuffleSeeds ShuffleWithSeed(std::uint32_t seed) const;

 private:
  MersenneTwister python_, numpy_, shuffles_;
  std::uint64_t shuffle_seed_;
};

}  // namespace samebits
