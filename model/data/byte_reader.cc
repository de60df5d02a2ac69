#include "model/data/byte_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace samebits {
namespace {

constexpr std::size_t kInputSize = 1 << 16;
constexpr std::size_t kGrowth = 1 << 20;

UserError Unreadable(const std::filesystem::path& path, int error) {
  return BadFile(path, fmt::format("cannot be read: {}", std::strerror(error)),
                 "check the path and its permissions");
}

}  // namespace

UserError BadFile(const std::filesystem::path& path, std::string_view what,
                  std::string_view advice) {
  return UserError(fmt::format("{}: {}; {}", path.string(), what, advice));
}

void ByteReader::EndInflate::operator()(z_stream* stream) const {
  inflateEnd(stream);
  delete stream;
}

ByteReader::ByteReader(std::filesystem::path path) : path_(std::move(path)) {
  struct stat status;
  if (stat(path_.c_str(), &status) != 0) throw Unreadable(path_, errno);
  // Checked before opening, which would wait for ever on a pipe.
  if (!S_ISREG(status.st_mode)) throw BadFile(path_, "is not a regular file", "name a file");
  file_.reset(std::fopen(path_.c_str(), "rbe"));
  if (file_ == nullptr) throw Unreadable(path_, errno);
  file_size_ = static_cast<std::uint64_t>(status.st_size);

  std::array<std::byte, 2> magic;
  const bool gzip =
      ReadFile(magic) == magic.size() && magic == std::array{std::byte{0x1f}, std::byte{0x8b}};
  std::rewind(file_.get());
  if (!gzip) return;

  inflate_.reset(new z_stream{});
  constexpr int kLargestWindowGzip = 15 + 16;  // zlib: + 16 means the gzip format alone
  if (inflateInit2(inflate_.get(), kLargestWindowGzip) != Z_OK) throw std::bad_alloc();
  input_.resize(kInputSize);
}

std::uint64_t ByteReader::UpperBound() const {
  constexpr std::uint64_t kMostExpansion = 1032;
  return inflate_ == nullptr ? file_size_ : kMostExpansion * file_size_;
}

std::size_t ByteReader::ReadFile(std::span<std::byte> out) {
  const std::size_t size = std::fread(out.data(), 1, out.size(), file_.get());
  if (std::ferror(file_.get()) != 0) throw Unreadable(path_, errno);
  return size;
}

std::size_t ByteReader::Read(std::span<std::byte> out) {
  return inflate_ == nullptr ? ReadFile(out) : Inflate(out);
}

UserError ByteReader::Broken(std::string_view cause) const {
  // What fails within its first two bytes, behind a whole member, never was a member.
  constexpr std::size_t kMagicSize = 2;
  if (member_ended_ && inflate_->total_in <= kMagicSize) {
    return BadFile(path_, "there are bytes behind the end of the gzip data", kFetchAgain);
  }
  return BadFile(path_, fmt::format("the gzip data are broken: {}", cause), kFetchAgain);
}

std::size_t ByteReader::Inflate(std::span<std::byte> out) {
  z_stream& stream = *inflate_;
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  while (stream.avail_out != 0) {
    if (stream.avail_in == 0) {
      stream.next_in = reinterpret_cast<Bytef*>(input_.data());
      stream.avail_in = static_cast<uInt>(ReadFile(input_));
      if (stream.avail_in == 0 && member_ended_ && stream.total_in == 0) break;
      if (stream.avail_in == 0) throw Broken("cut short");
    }
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_STREAM_END) {
      member_ended_ = true;
      inflateReset(&stream);  // sets total_in to 0
    } else if (status != Z_OK) {
      throw Broken(stream.msg == nullptr ? "no valid block" : stream.msg);
    }
  }
  return out.size() - stream.avail_out;
}

std::vector<std::byte> ByteReader::ReadUpTo(std::uint64_t size) {
  std::vector<std::byte> bytes;
  while (bytes.size() < size) {
    const std::size_t before = bytes.size();
    const std::size_t wanted = std::min<std::uint64_t>(size - before, kGrowth);
    bytes.resize(before + wanted);
    const std::size_t got = Read(std::span(bytes).subspan(before));
    bytes.resize(before + got);
    if (got < wanted) break;
  }
  return bytes;
}

}  // namespace samebits
