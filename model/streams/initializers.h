// The initial weights of Keras 3 on its JAX backend (the stream `keras-jax`), bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace samebits {

// keras.initializers.GlorotUniform, row-major: uniform in [-limit, limit) from the Threefry stream
// (draw, 0), with limit = sqrt(3 / max(1, (fan_in + fan_out) / 2)) in binary64, then rounded to
// binary32 (Glorot and Bengio, 2010). The last two dimensions of `shape` are the input and output
// channels; the product of the others multiplies both fans.
// `shape` has at least two dimensions and fewer than 2^32 - 1 elements.
std::vector<float> GlorotUniform(std::span<const std::int64_t> shape, std::uint32_t draw);

}  // namespace samebits
