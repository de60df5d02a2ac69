#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "kernels/core/philox.h"
#include "kernels/math/stream_functions.h"
#include "model/streams/stream.h"

namespace samebits {
namespace {

using Group = std::array<float, 4>;  // what one call of the generator's distribution gives

PhiloxStream StreamOf(SeedState state) { return PhiloxStream::OfSeed(state.seed, state.call); }

// In [0, 1): the low 23 bits of `word`, divided by 2^23 (exact).
float UnitUniform(std::uint32_t word) {
  return std::bit_cast<float>((word & 0x7FFFFF) | 0x3F800000) - 1.0f;
}

// Writes the groups 0, 1, ...; of the last one what there is room for.
void WriteGroups(std::span<float> values, auto group_at) {
  for (std::size_t first = 0; first < values.size(); first += 4) {
    const Group group = group_at(first / 4);
    std::copy_n(group.begin(), std::min<std::size_t>(4, values.size() - first),
                values.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

std::array<float, 2> BoxMuller(std::uint32_t a, std::uint32_t b) {
  const float u = std::max(UnitUniform(a), 1.0e-7f);
  const auto angle = static_cast<float>(2 * std::numbers::pi * static_cast<double>(UnitUniform(b)));
  const float radius = std::sqrt(-2.0f * stream_functions::LogByGlibc(u));
  const auto [sin, cos] = stream_functions::SinCosByGlibc(angle);
  return {sin * radius, cos * radius};
}

void DrawUniform(SeedState state, float low, float high, std::span<float> values) {
  const float range = high - low;
  WriteGroups(values, [=, stream = StreamOf(state)](std::uint64_t i) {
    Group group;
    // Two roundings, where JAX has one.
    std::ranges::transform(stream.Block(i), group.begin(),
                           [=](std::uint32_t word) { return UnitUniform(word) * range + low; });
    return group;
  });
}

void DrawNormal(SeedState state, std::span<float> values) {
  WriteGroups(values, [stream = StreamOf(state)](std::uint64_t i) {
    const PhiloxBlock words = stream.Block(i);
    const auto first = BoxMuller(words[0], words[1]), second = BoxMuller(words[2], words[3]);
    return Group{first[0], first[1], second[0], second[1]};
  });
}

// Group i has 256 blocks for itself: it throws away what is not within (-2, 2).
void DrawTruncatedNormal(SeedState state, std::span<float> values) {
  WriteGroups(values, [stream = StreamOf(state)](std::uint64_t i) {
    Group group;
    std::size_t kept = 0;
    for (std::uint64_t block = 256 * i; kept < group.size(); ++block) {
      const PhiloxBlock words = stream.Block(block);
      for (const std::size_t pair : {0, 2}) {
        for (const float value : BoxMuller(words[pair], words[pair + 1])) {
          if (std::fabs(value) < 2.0f && kept < group.size()) group[kept++] = value;
        }
      }
    }
    return group;
  });
}

bool Keeps(float uniform, double rate) { return uniform >= static_cast<float>(rate); }

}  // namespace

const Stream kKerasTensorflow = {"keras-tensorflow", DrawUniform, DrawNormal, DrawTruncatedNormal,
                                 Keeps};

}  // namespace samebits
