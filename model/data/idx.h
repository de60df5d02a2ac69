// Images and labels in the IDX format of MNIST (yann.lecun.com/exdb/mnist), which Fashion-MNIST and
// EMNIST share. All numbers of the headers are big-endian 32-bit:
//   images: 0x00000803, count, height, width, then count * height * width bytes, row-major
//   labels: 0x00000801, count, then count bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace samebits {

struct ImageSet {
  int count = 0;
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> images;  // count * height * width, row-major
  std::vector<std::uint8_t> labels;  // count, each 0..9
  std::string image_sha256;          // of the whole uncompressed files
  std::string label_sha256;
};

struct Dataset {
  ImageSet train;
  ImageSet test;
};

// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
// t10k-labels-idx1-ubyte from `directory`, each plain or, if that is missing, with .gz behind its
// name; the bytes, not the name, tell whether a file is compressed.
// Throws UserError, naming the file, if one is missing, unreadable, malformed (wrong magic, sizes
// that do not fit its bytes, broken compression, more than 2 GiB), holds no images or a label above
// 9, or if the files do not belong together (counts, sizes of images).
Dataset LoadDataset(const std::filesystem::path& directory);

}  // namespace samebits
