#include "model/data/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "model/data/byte_reader.h"
#include "model/data/npy_format.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic{"\x93NUMPY\x01\x00", 8};
constexpr std::size_t kPrefix = kMagic.size() + 2;  // and a 16-bit length of the header's text
constexpr std::string_view kSaveAgain = "write it again with numpy.save or numpy.savez";

// The size of an element, or nothing for a type that is not read here.
std::optional<std::size_t> ItemSize(std::string_view dtype) {
  constexpr std::array<std::pair<std::string_view, std::size_t>, 7> kSizes = {
      {{"<f4", 4}, {"<f8", 8}, {"<i4", 4}, {"<i8", 8}, {"<u4", 4}, {"|u1", 1}, {"|b1", 1}}};
  const auto found = std::ranges::find(kSizes, dtype, [](const auto& row) { return row.first; });
  if (found == kSizes.end()) return std::nullopt;
  return found->second;
}

// The text between `before` and the next `end` of a header such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }
std::optional<std::string_view> Between(std::string_view header, std::string_view before,
                                        char end) {
  const std::size_t start = header.find(before);
  if (start == std::string_view::npos) return std::nullopt;
  header.remove_prefix(start + before.size());
  const std::size_t size = header.find(end);
  if (size == std::string_view::npos) return std::nullopt;
  return header.substr(0, size);
}

// "3, 5" or "3," or "".
std::optional<std::vector<std::int64_t>> ParseShape(std::string_view text) {
  std::vector<std::int64_t> shape;
  while (!text.empty()) {
    std::int64_t size = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0) return std::nullopt;
    shape.push_back(size);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    if (!text.empty() && text.front() != ',') return std::nullopt;
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(", ")));
  }
  return shape;
}

// Whether an array of this shape takes exactly `size` bytes.
bool Takes(std::span<const std::int64_t> shape, std::size_t item_size, std::size_t size) {
  if (std::ranges::find(shape, 0) != shape.end()) return size == 0;
  for (const std::int64_t extent : shape) {
    // Dividing instead of multiplying cannot overflow.
    if (size % static_cast<std::uint64_t>(extent) != 0) return false;
    size /= static_cast<std::uint64_t>(extent);
  }
  return size == item_size;
}

std::string ShapeText(std::span<const std::int64_t> shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace

NpyArray ParseNpy(const fs::path& path, std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic)) {
    throw BadFile(path, "is not in NumPy's NPY format, version 1.0", kSaveAgain);
  }
  const std::size_t header_size = file.size() < kPrefix
                                      ? file.size()
                                      : std::to_integer<std::size_t>(file[kPrefix - 2]) |
                                            std::to_integer<std::size_t>(file[kPrefix - 1]) << 8;
  if (file.size() < kPrefix + header_size) {
    throw BadFile(path, "is cut short within its header", kSaveAgain);
  }

  const std::string_view header = text.substr(kPrefix, header_size);
  const auto dtype = Between(header, "'descr': '", '\'');
  const auto fortran_order = Between(header, "'fortran_order': ", ',');
  const auto shape_text = Between(header, "'shape': (", ')');
  const auto shape = shape_text ? ParseShape(*shape_text) : std::nullopt;
  if (!dtype || !fortran_order || !shape) {
    throw BadFile(path, "has a header that cannot be understood", kSaveAgain);
  }
  const auto item_size = ItemSize(*dtype);
  if (!item_size) {
    throw BadFile(path, fmt::format("holds elements of the type {}", *dtype),
                  "convert it to one of <f4 <f8 <i4 <i8 <u4 |u1 |b1");
  }
  if (*fortran_order != "False") {
    throw BadFile(path, "is stored in Fortran order", "save numpy.ascontiguousarray of it");
  }
  const auto data = file.subspan(kPrefix + header_size);
  if (!Takes(*shape, *item_size, data.size())) {
    throw BadFile(path,
                  fmt::format("holds {} bytes of data, which is not what shape {} of {} takes",
                              data.size(), ShapeText(*shape), *dtype),
                  kSaveAgain);
  }
  return {std::string(*dtype), *shape, {data.begin(), data.end()}};
}

std::vector<std::byte> SerializeNpy(const NpyArray& array) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                   array.dtype, ShapeText(array.shape));
  // NumPy pads with blanks, so that the data begin at a multiple of 64, and ends with a newline. It
  // leaves room for the first extent to grow to 21 digits.
  if (!array.shape.empty()) {
    header.append(21 - fmt::format("{}", array.shape.front()).size(), ' ');
  }
  constexpr std::size_t kAlignment = 64;
  header.append(kAlignment - (kPrefix + header.size() + 1) % kAlignment, ' ');
  header += '\n';

  std::string file(kMagic);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  const auto bytes = std::as_bytes(std::span(file));
  std::vector<std::byte> result(bytes.begin(), bytes.end());
  result.insert(result.end(), array.bytes.begin(), array.bytes.end());
  return result;
}

NpyArray ReadNpy(const fs::path& path) {
  ByteReader reader(path);
  return ParseNpy(path, reader.ReadUpTo(std::numeric_limits<std::uint64_t>::max()));
}

void WriteNpy(const fs::path& path, const NpyArray& array) {
  WriteFileAtomically(path, SerializeNpy(array));
}

const NpyArray& FindArray(std::span<const NamedArray> arrays, std::string_view name) {
  const auto found = std::ranges::find(arrays, name, &NamedArray::name);
  if (found != arrays.end()) return found->array;
  std::vector<std::string_view> names;
  for (const NamedArray& array : arrays) names.push_back(array.name);
  throw UserError(fmt::format("no array is named {}; there are: {}", name, fmt::join(names, " ")));
}

void CheckDtype(const NpyArray& array, std::string_view wanted) {
  if (array.dtype == wanted) return;
  throw UserError(
      fmt::format("an array holds elements of the type {}, not {}; convert it with "
                  "numpy.astype",
                  array.dtype, wanted));
}

}  // namespace samebits
