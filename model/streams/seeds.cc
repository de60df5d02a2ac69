#include "model/streams/seeds.h"

#include <cstddef>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "model/streams/mersenne_twister.h"

namespace samebits {

std::vector<std::uint32_t> LayerSeeds(std::int64_t global_seed, int count) {
  if (global_seed < 0 || global_seed > 0xFFFFFFFF) {
    throw UserError(fmt::format("seed {}: Keras takes no such seed; give one from 0 to 4294967295",
                                global_seed));
  }
  MersenneTwister random(static_cast<std::uint64_t>(global_seed));
  std::vector<std::uint32_t> seeds(static_cast<std::size_t>(count));
  for (std::uint32_t& seed : seeds) {
    seed = static_cast<std::uint32_t>(random.RandInt(1, 1'000'000'000));
  }
  return seeds;
}

}  // namespace samebits
