#include "model/data/preprocess.h"

#include <cstdio>

#include "model/tests/testing.h"

namespace samebits {
namespace {

using testing::DifferingBits;
using testing::KerasFile;

std::vector<float> ResizeAll(const NpyArray& images, int height, int width) {
  const auto in_height = static_cast<int>(images.shape.at(1));
  const auto in_width = static_cast<int>(images.shape.at(2));
  const auto count = static_cast<std::size_t>(images.shape.at(0));
  const auto bytes = NpyValues<std::uint8_t>(images);
  ImageResizer resizer(in_height, in_width, height, width);
  const std::size_t in_pixels = bytes.size() / count;
  const std::size_t out_pixels = static_cast<std::size_t>(height * width);
  std::vector<float> out(count * out_pixels);
  for (std::size_t i = 0; i < count; ++i) {
    resizer.Resize(std::span(bytes).subspan(i * in_pixels, in_pixels),
                   std::span(out).subspan(i * out_pixels, out_pixels));
  }
  return out;
}

TEST(UnitPixels, IsADivision) {
  int reciprocal_differs = 0;
  for (int v = 0; v < 256; ++v) {
    EXPECT_EQ(UnitPixels()[v], static_cast<float>(v) / 255.0f);
    reciprocal_differs += UnitPixels()[v] != static_cast<float>(v) * (1.0f / 255.0f);
  }
  EXPECT_EQ(reciprocal_differs, 126);
}

TEST(ImageResizer, EqualsTensorFlow) {
  const auto arrays = ReadNpz(KerasFile("tf_resize_28to32.npz"));
  const auto ours = ResizeAll(FindArray(arrays, "img"), 32, 32);
  const auto tensorflow = NpyValues<float>(FindArray(arrays, "out"));
  EXPECT_EQ(DifferingBits(ours, tensorflow), 0);
}

TEST(ImageResizer, EqualsTensorFlowForOtherSizes) {
  const auto arrays = ReadNpz(KerasFile("tf_resize_sizes.npz"));
  int compared = 0;
  for (const NamedArray& entry : arrays) {
    int height = 0, width = 0;
    if (std::sscanf(entry.name.c_str(), "out_%dx%d", &height, &width) != 2) continue;
    const auto ours = ResizeAll(FindArray(arrays, "img"), height, width);
    EXPECT_EQ(DifferingBits(ours, NpyValues<float>(entry.array)), 0) << entry.name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

TEST(ImageResizer, EqualSizesOnlyScale) {
  const auto arrays = ReadNpz(KerasFile("tf_resize_28to32.npz"));
  const NpyArray& images = FindArray(arrays, "img");
  std::vector<float> scaled;
  for (const std::uint8_t byte : NpyValues<std::uint8_t>(images)) {
    scaled.push_back(UnitPixels()[byte]);
  }
  EXPECT_EQ(DifferingBits(ResizeAll(images, 28, 28), scaled), 0);
}

}  // namespace
}  // namespace samebits
