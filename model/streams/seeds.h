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

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/streams/mersenne_twister.h"
#include "model/streams/shuffle.h"

namespace samebits {

struct GlobalSeeds {
  std::int64_t python, numpy, backend;

  static constexpr GlobalSeeds All(std::int64_t seed) { return {seed, seed, seed}; }
  bool operator==(const GlobalSeeds&) const = default;
};

// What of a training run is random.
enum class Source : std::uint8_t {
  kInitialisation,  // weights of conv2d and dense
  kEmbedding,       // weights of an embedding
  kDropout,         // masks
  kShuffle,         // which samples make a batch
  kOrder            // the places of the samples within it, so which sums add up what
};

struct NamedSource {
  std::string_view name;
  Source source;
};

std::span<const NamedSource> AllSources();

class RandomSources {
 public:
  // Throws UserError where Keras refuses a seed: below 0 or above 2^32 - 1.
  explicit RandomSources(const GlobalSeeds& seeds);

  // Frees a source by itself: from here on it draws from this seed, and the others draw what they
  // would have drawn.
  void Free(Source source, std::int64_t seed);

  // random.randint(1, 10**9). Keras draws when an object is constructed, in the order of the
  // program: once for each random initializer (the kernel of Conv2D or Dense), once for each
  // Dropout. An object with a seed of its own draws nothing.
  std::uint32_t NextLayerSeed(Source whose = Source::kInitialisation);

  // One value of numpy.random.rand().
  double NextNumpy();

  // The seeds of a shuffle() without a seed: (backend % (2^31 - 1), random.Random(backend)
  // .randint(0, 2^31 - 1)), the next draw of that generator for each such shuffle().
  ShuffleSeeds NextShuffle();

  // Where the order is free, the samples of each batch of an epoch (counted from 1) change places.
  void ReorderBatches(int epoch, int batch, std::vector<std::uint32_t>& order) const;

  // The seeds of shuffle(seed=seed): (backend % (2^31 - 1), seed % (2^31 - 1)).
  ShuffleSeeds ShuffleWithSeed(std::uint32_t seed) const;

 private:
  MersenneTwister python_, numpy_, shuffles_;
  std::int64_t seed_;  // the backend's
  std::uint64_t shuffle_seed_;
  std::array<std::shared_ptr<RandomSources>, 5> freed_;  // by source; null: not free
};

}  // namespace samebits
