#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/core/threefry.h"
#include "kernels/math/stream_functions.h"
#include "model/streams/stream.h"

namespace samebits {
namespace {

constexpr float kRootOfTwo = 1.41421356237f;

void DrawUniform(SeedState state, float low, float high, std::span<float> values) {
  std::vector<std::uint32_t> words(values.size());
  ThreefryWords({.draw = state.seed, .call = state.call}, words);
  std::transform(words.begin(), words.end(), values.begin(),
                 [=](std::uint32_t word) { return Uniform(word, low, high); });
}

void DrawNormal(SeedState state, std::span<float> values) {
  DrawUniform(state, std::nextafter(-1.0f, 0.0f), 1.0f, values);
  for (float& value : values) value = kRootOfTwo * stream_functions::ErfInvByXla(value);
}

void DrawTruncatedNormal(SeedState state, std::span<float> values) {
  constexpr float kErfOfRootOfTwo = 0.9544997f;
  const float most = std::nextafter(2.0f, 0.0f);
  DrawUniform(state, -kErfOfRootOfTwo, kErfOfRootOfTwo, values);
  for (float& value : values)
    value = std::clamp(kRootOfTwo * stream_functions::ErfInvByXla(value), -most, most);
}

bool Keeps(float uniform, double rate) { return uniform < static_cast<float>(1.0 - rate); }

}  // namespace

const Stream kKerasJax = {"keras-jax", DrawUniform, DrawNormal, DrawTruncatedNormal, Keeps};

}  // namespace samebits
