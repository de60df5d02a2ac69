// How a network stores what lies between its layers, its weights as they see them, and gradients.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace samebits {

// All arithmetic is binary32 by the contract; what is stored is rounded to 16 bits
// (kernels/convert/convert.h). Adam's weights and moments stay binary32.
enum class Precision : std::uint8_t { kFloat32, kBfloat16, kFloat16 };

std::string_view NameOf(Precision precision);

// Throws UserError, listing them, when none has the name.
Precision FindPrecision(std::string_view name);

// Gradients of binary16 are stored times a scale, a power of two, so that fewer of them underflow.
//
// A dynamic scale follows them. Where a step's gradients of the weights, summed over the whole
// batch and stored, hold an infinity or a NaN, the step is skipped: weights, moments and the count
// of Adam's steps stay as they are, and the next scale is half of this one, but not below 1. After
// `interval` steps in a row that were not skipped it is twice this one, but not above 2^24. All
// ranks have the same sums, so the same scales.
inline constexpr int kLargestLossScale = 24;  // exponent
struct LossScaling {
  bool dynamic = false;
  int exponent = 10;             // of the first step's scale
  std::int64_t interval = 2000;  // of a dynamic one

  bool operator==(const LossScaling&) const = default;
};
inline constexpr LossScaling kDynamicScaling{.dynamic = true, .exponent = 16};

// Where a run is in it.
struct LossScale {
  int exponent = 0;
  std::int64_t kept = 0;  // steps in a row that were not skipped

  LossScale Next(const LossScaling& scaling, bool skipped) const;
};

// "1024", "dynamic", or with its first scale and interval "dynamic:65536:2000". Throws UserError
// where it is none of these.
LossScaling ParseLossScaling(const std::string& text);
// The longest such text.
std::string NameOf(const LossScaling& scaling);

}  // namespace samebits
