#include "model/streams/seeds.h"

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

}  // namespace

RandomSources::RandomSources(const GlobalSeeds& seeds)
    : python_(MersenneTwister::OfPython(Checked(seeds.python))),
      numpy_(MersenneTwister::OfNumpy(Checked(seeds.numpy))),
      shuffles_(MersenneTwister::OfPython(Checked(seeds.backend))),
      shuffle_seed_(Checked(seeds.backend) % kMax) {}

std::uint32_t RandomSources::NextLayerSeed() {
  return static_cast<std::uint32_t>(python_.RandInt(1, 1'000'000'000));
}

double RandomSources::NextNumpy() { return numpy_.NextUniform(); }

ShuffleSeeds RandomSources::NextShuffle() {
  return WithoutZeros({shuffle_seed_, static_cast<std::uint64_t>(shuffles_.RandInt(0, kMax))});
}

ShuffleSeeds RandomSources::ShuffleWithSeed(std::uint32_t seed) const {
  return WithoutZeros({shuffle_seed_, seed % std::uint64_t{kMax}});
}

}  // namespace samebits
