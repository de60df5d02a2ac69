// The inputs of a case, a pure function of its id: Philox4x32-10 with key = seed and
// counter = (element / 4, tensor), one 32-bit word an element.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/core/case.h"

namespace samebits {

// The word of one element.
std::uint32_t InputWord(std::uint64_t seed, std::uint64_t tensor, std::uint64_t element);

// Fills a tensor by the case's word for its values (none: uniform in [-1, 1)):
//   cancel     signs at random, exponents from 2^-20 to 2^20: sums lose most of their digits
//   subnormal  half subnormals and the smallest normals, half uniform
//   tiny       half subnormals, a quarter +0 or -0, a quarter uniform: for dots of a few terms,
//   whose
//              sums are then subnormal, or -0 by underflow
//   zeros      three quarters +0 or -0, the rest uniform
//   nonfinite  one in 64 is an infinity or a NaN of any payload, the rest uniform
//   logits     uniform in [-20, 20)
//   bits       every bit pattern alike
void FillFloats(const Case& c, int tensor, std::span<float> values);

// The words above.
std::span<const std::string_view> InputWords();

// Fills bytes below `below`.
void FillBytes(const Case& c, int tensor, std::int64_t below, std::span<std::uint8_t> bytes);

// Fills labels in [0, classes).
void FillLabels(const Case& c, int tensor, std::int64_t classes, std::span<std::int32_t> labels);

}  // namespace samebits
