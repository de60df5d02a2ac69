// From the bytes of an image to the floats that the model sees, as Keras' recipe does it:
// tf.cast(image, float32) / 255.0, then tf.image.resize (bilinear), bit for bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace samebits {

// byte -> (float)byte / 255.0f. A product with 1/255 would differ for 126 of the 256 bytes.
const std::array<float, 256>& UnitPixels();

// Scales the pixels to [0, 1] and resizes one image. For output row i (columns likewise):
//   c = (i + 0.5f) * ((float)in / (float)out) - 0.5f
//   lo = max(floor(c), 0), hi = min(ceil(c), in - 1), t = c - floor(c)
// and, with l, r the columns lo, hi and tx, ty the fractions of column and row:
//   top    = image[lo][l] + (image[lo][r] - image[lo][l]) * tx
//   bottom = image[hi][l] + (image[hi][r] - image[hi][l]) * tx
//   out    = top + (bottom - top) * ty
// without fma. Equal sizes give t = 0 and so leave the pixels as they are.
class ImageResizer {
 public:
  ImageResizer(int in_height, int in_width, int out_height, int out_width);

  // `image` and `out` are row-major, of the sizes given above. Not for two threads at once: the
  // resizer holds scratch rows. Copies are independent.
  void Resize(std::span<const std::uint8_t> image, std::span<float> out);

 private:
  // Where one output row or column comes from.
  struct Sample {
    std::size_t lo;
    std::size_t hi;
    float t;
  };

  static std::vector<Sample> Samples(int in, int out);

  std::size_t in_height_;
  std::size_t in_width_;
  std::vector<Sample> rows_;
  std::vector<Sample> columns_;
  std::vector<float> wide_;  // in_height x out_width: resized along the columns only
};

}  // namespace samebits
