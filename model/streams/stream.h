// What Keras 3 draws from its backend: one row per backend. All values are binary32, and a function
// of (seed, call) and of how many are asked for alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace samebits {

// The state of a keras.random.SeedGenerator: its seed, and how often it was drawn from. An
// initializer with a seed always draws as call 0; a Dropout layer as call t after t training
// batches (building, tracing, validation and inference draw nothing; of a SimpleRNN they do).
struct SeedState {
  std::uint32_t seed = 0;
  std::uint32_t call = 0;
};

struct Stream {
  std::string_view name;
  void (*uniform)(SeedState state, float low, float high, std::span<float> values);
  void (*normal)(SeedState state, std::span<float> values);            // mean 0, deviation 1
  void (*truncated_normal)(SeedState state, std::span<float> values);  // the same, within (-2, 2)
  bool (*keeps)(float uniform, double rate);                           // what dropout leaves
};

// Threefry-2x32-20 with the key (seed, call) in JAX's legacy layout (kernels/core/threefry.h); the
// high 23 bits of a word; normals by XLA's erfinv. Keras' published numbers.
extern const Stream kKerasJax;

// TensorFlow's stateless operations: Philox4x32-10, its key and counter made by Philox from the
// seed; the low 23 bits of a word; normals by Box and Muller's method with glibc's functions.
extern const Stream kKerasTensorflow;

std::span<const Stream* const> AllStreams();

// Throws UserError, listing the streams there are, when none has the name.
const Stream& FindStream(std::string_view name);

// Of each of n elements 1 where dropout keeps it, else 0. 0 <= rate < 1.
std::vector<std::uint8_t> DropoutMask(const Stream& stream, SeedState state, std::size_t n,
                                      double rate);

}  // namespace samebits
