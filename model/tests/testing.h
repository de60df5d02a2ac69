// What the tests of model/ share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "kernels/core/error.h"
#include "model/data/npy.h"
#include "model/streams/seeds.h"

namespace samebits::testing {

inline std::filesystem::path KerasFile(const std::string& name) {
  return std::filesystem::path(SAMEBITS_SOURCE_DIR) / "golden" / "keras" / name;
}

// The seeds of the first layers after set_random_seed(seed).
inline std::vector<std::uint32_t> LayerSeeds(std::int64_t seed, std::size_t count) {
  RandomSources sources(GlobalSeeds::All(seed));
  std::vector<std::uint32_t> seeds(count);
  for (std::uint32_t& drawn : seeds) drawn = sources.NextLayerSeed();
  return seeds;
}

// Equality of encodings: 0 and -0 differ, a NaN equals itself.
inline int DifferingBits(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  int count = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) ++count;
  }
  return count;
}

// The message of the UserError that `action` must throw; "" if it throws none.
inline std::string UserErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteText(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A directory of its own for every test.
class TemporaryDirectory : public ::testing::Test {
 protected:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "samebits.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
  }
  ~TemporaryDirectory() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

}  // namespace samebits::testing
