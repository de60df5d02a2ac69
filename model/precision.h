// How a network stores what lies between its layers, its weights as they see them, and gradients.
#pragma once

#include <cstdint>
#include <string_view>

namespace samebits {

// All arithmetic is binary32 by the contract; what is stored is rounded to 16 bits
// (kernels/convert/convert.h). Adam's weights and moments stay binary32.
enum class Precision : std::uint8_t { kFloat32, kBfloat16, kFloat16 };

std::string_view NameOf(Precision precision);

// Throws UserError, listing them, when none has the name.
Precision FindPrecision(std::string_view name);

// Gradients of binary16 are 2^10 times as large while they are stored, so that fewer of them
// underflow: this exponent.
constexpr int LossScale(Precision precision) { return precision == Precision::kFloat16 ? 10 : 0; }

}  // namespace samebits
