// Reads a file as bytes, plain or gzip, piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "kernels/core/error.h"

namespace samebits {

inline constexpr std::string_view kFetchAgain = "fetch or unpack the file again";

// The error of a file that can be opened and holds the wrong bytes.
UserError BadFile(const std::filesystem::path& path, std::string_view what,
                  std::string_view advice);

class ByteReader {
 public:
  // A file that begins with the bytes 1f 8b is taken as gzip (RFC 1952, one or more members).
  // Throws UserError if the file is missing, cannot be read or is no regular file.
  explicit ByteReader(std::filesystem::path path);

  // Fills `out`, and returns how many bytes it got: fewer only at the end of the file.
  // Throws UserError if reading fails, or the gzip data are broken, cut short, or followed by
  // something that is not gzip.
  std::size_t Read(std::span<std::byte> out);

  // The next `size` bytes, or what is left of the file. Memory grows with the bytes that arrive, so
  // a wrong `size` costs none.
  std::vector<std::byte> ReadUpTo(std::uint64_t size);

  // No more bytes than this can come out of the file: its size, or for gzip 1,032 times its size,
  // the most that deflate can expand.
  std::uint64_t UpperBound() const;

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct EndInflate {
    void operator()(z_stream* stream) const;
  };

  std::size_t ReadFile(std::span<std::byte> out);
  std::size_t Inflate(std::span<std::byte> out);
  UserError Broken(std::string_view cause) const;  // of the gzip data, at this place

  std::filesystem::path path_;
  std::uint64_t file_size_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<z_stream, EndInflate> inflate_;  // null for a plain file
  bool member_ended_ = false;
  std::vector<std::byte> input_;  // compressed bytes on their way to inflate_
};

}  // namespace samebits
