// What the fuzzers share. Each file beside this one is a program of libFuzzer: one reader of data
// from outside gets any bytes, and may do nothing but read them or throw UserError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <stdlib.h>

#include "kernels/core/error.h"

namespace samebits::fuzz {

inline std::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Runs the reader; whatever it throws but UserError ends the program, which is the finding.
template <class Reader>
void Survives(const Reader& read) {
  try {
    read();
  } catch (const UserError&) {
  }
}

// A directory of this process, gone with it; in memory where that can be.
class Directory {
 public:
  Directory() {
    namespace fs = std::filesystem;
    const fs::path memory = "/dev/shm";
    const fs::path parent = fs::is_directory(memory) ? memory : fs::temp_directory_path();
    std::string name = (parent / "samebits-fuzz.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) abort();
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void Write(const std::filesystem::path& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }

 private:
  std::filesystem::path path_;
};

// Takes the bytes apart into files: up to the next 0xff 0xfe, the last one the rest.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes) : rest_(bytes) {}

  std::string_view Next() {
    const std::size_t end = rest_.find("\xff\xfe");
    const std::string_view piece = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 2);
    return piece;
  }

 private:
  std::string_view rest_;
};

}  // namespace samebits::fuzz
