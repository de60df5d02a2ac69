#include "model/streams/initializers.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>

#include "kernels/core/threefry.h"

namespace samebits {
namespace {

struct Fans {
  double in;
  double out;
};

std::int64_t Product(std::span<const std::int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

Fans FansOf(std::span<const std::int64_t> shape) {
  const auto receptive_field = static_cast<double>(Product(shape.first(shape.size() - 2)));
  return {receptive_field * static_cast<double>(shape[shape.size() - 2]),
          receptive_field * static_cast<double>(shape.back())};
}

std::vector<float> UniformStream(std::size_t size, std::uint32_t draw, float low, float high) {
  std::vector<std::uint32_t> words(size);
  ThreefryWords({.draw = draw, .call = 0}, words);
  std::vector<float> values(size);
  std::transform(words.begin(), words.end(), values.begin(),
                 [=](std::uint32_t word) { return Uniform(word, low, high); });
  return values;
}

}  // namespace

std::vector<float> GlorotUniform(std::span<const std::int64_t> shape, std::uint32_t draw) {
  const Fans fans = FansOf(shape);
  const double scale = 1.0 / std::max(1.0, (fans.in + fans.out) / 2);
  const auto limit = static_cast<float>(std::sqrt(3.0 * scale));
  return UniformStream(static_cast<std::size_t>(Product(shape)), draw, -limit, limit);
}

}  // namespace samebits
