#include "model/data/preprocess.h"

#include <algorithm>
#include <cmath>

namespace samebits {

const std::array<float, 256>& UnitPixels() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values;
    for (std::size_t v = 0; v < values.size(); ++v) values[v] = static_cast<float>(v) / 255.0f;
    return values;
  }();
  return table;
}

ImageResizer::ImageResizer(int in_height, int in_width, int out_height, int out_width)
    : in_height_(static_cast<std::size_t>(in_height)),
      in_width_(static_cast<std::size_t>(in_width)),
      rows_(Samples(in_height, out_height)),
      columns_(Samples(in_width, out_width)),
      wide_(in_height_ * columns_.size()) {}

std::vector<ImageResizer::Sample> ImageResizer::Samples(int in, int out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<Sample> samples;
  for (int i = 0; i < out; ++i) {
    const float centre = (static_cast<float>(i) + 0.5f) * scale - 0.5f;
    const float floor = std::floor(centre);
    samples.push_back(
        {.lo = static_cast<std::size_t>(std::max(static_cast<int>(floor), 0)),
         .hi = static_cast<std::size_t>(std::min(static_cast<int>(std::ceil(centre)), in - 1)),
         .t = centre - floor});
  }
  return samples;
}

void ImageResizer::Resize(std::span<const std::uint8_t> image, std::span<float> out) {
  // Each input row is widened once, though up to (out / in + 2) output rows need it.
  const std::array<float, 256>& pixels = UnitPixels();
  float* wide = wide_.data();
  for (std::size_t row = 0; row < in_height_; ++row) {
    const std::uint8_t* bytes = image.data() + row * in_width_;
    for (const auto& [lo, hi, t] : columns_) {
      const float left = pixels[bytes[lo]];
      const float right = pixels[bytes[hi]];
      *wide++ = left + (right - left) * t;
    }
  }

  const std::size_t width = columns_.size();
  float* target = out.data();
  for (const auto& [lo, hi, t] : rows_) {
    const float* top = wide_.data() + lo * width;
    const float* bottom = wide_.data() + hi * width;
    for (std::size_t x = 0; x < width; ++x) *target++ = top[x] + (bottom[x] - top[x]) * t;
  }
}

}  // namespace samebits
