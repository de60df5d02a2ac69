#include "model/streams/seeds.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

constexpr std::int64_t kMax = 0x7FFFFFFF;

std::uint32_t Checked(std::int64_t seed) {
  if (seed < 0 || seed > 0xFFFFFFFF) {
    throw UserError(
        fmt::format("seed {}: Keras takes no such seed; give one from 0 to 4294967295", seed));
  }
  return static_cast<std::uint32_t>(seed);
}

// (0, 0) would mean "no seed" to TensorFlow.
ShuffleSeeds WithoutZeros(ShuffleSeeds seeds) {
  return seeds.seed == 0 && seeds.seed2 == 0 ? ShuffleSeeds{0, kMax} : seeds;
}

constexpr NamedSource kSources[] = {{"initialisation", Source::kInitialisation},
                                    {"embedding", Source::kEmbedding},
                                    {"dropout", Source::kDropout},
                                    {"shuffle", Source::kShuffle},
                                    {"order", Source::kOrder}};

}  // namespace

std::span<const NamedSource> AllSources() { return kSources; }

RandomSources::RandomSources(const GlobalSeeds& seeds)
    : python_(MersenneTwister::OfPython(Checked(seeds.python))),
      numpy_(MersenneTwister::OfNumpy(Checked(seeds.numpy))),
      shuffles_(MersenneTwister::OfPython(Checked(seeds.backend))),
      seed_(seeds.backend),
      shuffle_seed_(Checked(seeds.backend) % kMax) {}

void RandomSources::Free(Source source, std::int64_t seed) {
  freed_[static_cast<std::size_t>(source)] =
      std::make_shared<RandomSources>(GlobalSeeds::All(seed));
}

std::uint32_t RandomSources::NextLayerSeed(Source whose) {
  const auto own = static_cast<std::uint32_t>(python_.RandInt(1, 1'000'000'000));
  RandomSources* const freed = freed_[static_cast<std::size_t>(whose)].get();
  return freed == nullptr ? own : freed->NextLayerSeed();
}

double RandomSources::NextNumpy() { return numpy_.NextUniform(); }

ShuffleSeeds RandomSources::NextShuffle() {
  if (RandomSources* const freed = freed_[static_cast<std::size_t>(Source::kShuffle)].get()) {
    return freed->NextShuffle();
  }
  return WithoutZeros({shuffle_seed_, static_cast<std::uint64_t>(shuffles_.RandInt(0, kMax))});
}

void RandomSources::ReorderBatches(int epoch, int batch, std::vector<std::uint32_t>& order) const {
  const RandomSources* const freed = freed_[static_cast<std::size_t>(Source::kOrder)].get();
  if (freed == nullptr) return;
  // Each epoch by itself, so that one that is resumed goes on as it was.
  MersenneTwister twister =
      MersenneTwister::OfPython(static_cast<std::uint32_t>(freed->seed_ + epoch));
  const auto size = static_cast<std::size_t>(batch);
  for (std::size_t first = 0; first < order.size(); first += size) {
    const std::size_t count = std::min(size, order.size() - first);
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const std::int64_t j =
          twister.RandInt(static_cast<std::int64_t>(i), static_cast<std::int64_t>(count - 1));
      std::swap(order[first + i], order[first + static_cast<std::size_t>(j)]);
    }
  }
}

ShuffleSeeds RandomSources::ShuffleWithSeed(std::uint32_t seed) const {
  return WithoutZeros({shuffle_seed_, seed % std::uint64_t{kMax}});
}

}  // namespace samebits
