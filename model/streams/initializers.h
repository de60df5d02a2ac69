// The random initializers of Keras 3: one row per class, with Keras' names and defaults. The
// values, row-major, have Keras' bits on the stream's backend; only Orthogonal's have not.
//
//   RandomNormal, TruncatedNormal   f32(z * f32(stddev)) + f32(mean) for the stream's z
//   RandomUniform                   in [f32(minval), f32(maxval))
//   VarianceScaling                 s = scale / max(1, fan) in binary64; untruncated_normal:
//     deviation sqrt(s); truncated_normal ("normal" is the same): sqrt(s) / 0.87962566103423978,
//     which is the deviation of a normal cut at (-2, 2); uniform: within +-sqrt(3 s)
//   Glorot*, He*, Lecun*            VarianceScaling with other defaults
//   Orthogonal                      model/streams/orthogonal.h, times f32(gain)
//
// fan_in and fan_out: of a shape (..., in, out) the product of all sizes but `out`, and of all but
// `in`; the size of a vector; 1 for a scalar. fan_avg: half of their sum, in binary64.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/streams/stream.h"

namespace samebits {

enum class FanMode : std::uint8_t { kIn, kOut, kAverage };
enum class Distribution : std::uint8_t { kTruncatedNormal, kUntruncatedNormal, kUniform };

// Every option that any of them takes.
struct InitializerOptions {
  double mean = 0.0, stddev = 0.05;
  double minval = -0.05, maxval = 0.05;
  double scale = 1.0;
  FanMode mode = FanMode::kIn;
  Distribution distribution = Distribution::kTruncatedNormal;
  double gain = 1.0;

  bool operator==(const InitializerOptions&) const = default;
};

using Shape = std::span<const std::int64_t>;

// A row of the table; a copy may be given other options.
struct Initializer {
  std::string_view name;                // Keras' class
  std::vector<std::string_view> takes;  // names of its options
  InitializerOptions options;
  void (*fill)(const InitializerOptions&, const Stream&, std::uint32_t seed, Shape,
               std::span<float>);

  // Throws UserError when it takes no such option, or not that value.
  void Set(std::string_view option, const std::string& value);

  // The weights. Throws UserError for a size below 1, and for more than 2^28 elements.
  std::vector<float> Values(const Stream& stream, std::uint32_t seed, Shape shape) const;
};

std::span<const Initializer> AllInitializers();

struct InitializerOption {
  std::string_view name, standard, help;  // standard: Keras' default, as text
};

std::span<const InitializerOption> AllInitializerOptions();

// Throws UserError, listing the initializers there are, when none has the name.
const Initializer& FindInitializer(std::string_view name);

}  // namespace samebits
