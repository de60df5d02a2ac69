// The seeds that Keras 3 gives to layers built without one.
#pragma once

#include <cstdint>
#include <vector>

namespace samebits {

// The first `count` draws of random.randint(1, 10**9) after keras.utils.set_random_seed(seed). A
// layer draws when it is constructed, in the order of the program: once for each kernel (Conv2D,
// Dense) and once for each Dropout.
// Throws UserError where Keras refuses the seed: below 0 or above 2^32 - 1.
std::vector<std::uint32_t> LayerSeeds(std::int64_t global_seed, int count);

}  // namespace samebits
