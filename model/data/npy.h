// NumPy's array files: NPY, format version 1.0 (numpy.lib.format), and NPZ, a zip of them.
// Only little-endian, C-ordered arrays of '<f4', '<f8', '<i4', '<i8', '<u4', '|u1' and '|b1'.
// The same arrays always give the same bytes: entries are stored, dated 1980-01-01, in the order
// given. Writing is atomic. Everything here throws UserError, naming the file, on malformed input
// and on failures to read or write.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace samebits {

struct NpyArray {
  std::string dtype;                // as NumPy's descr: "<f4"
  std::vector<std::int64_t> shape;  // {} for a scalar
  std::vector<std::byte> bytes;     // row-major, little-endian

  bool operator==(const NpyArray&) const = default;
};

struct NamedArray {
  std::string name;  // without .npy
  NpyArray array;

  bool operator==(const NamedArray&) const = default;
};

NpyArray ReadNpy(const std::filesystem::path& path);
void WriteNpy(const std::filesystem::path& path, const NpyArray& array);

// At least one array: libzip writes no empty archive.
void WriteNpz(const std::filesystem::path& path, std::span<const NamedArray> arrays);
std::vector<NamedArray> ReadNpz(const std::filesystem::path& path);

// Throws UserError, listing the names there are, if none is `name`.
const NpyArray& FindArray(std::span<const NamedArray> arrays, std::string_view name);

// NumPy's name of a C++ type. '|b1' has none: its bytes, 0 or 1, serve as they are.
template <typename T>
constexpr std::string_view NpyDtype() {
  static_assert(std::endian::native == std::endian::little, "arrays are little-endian in memory");
  if constexpr (std::is_same_v<T, float>) return "<f4";
  if constexpr (std::is_same_v<T, double>) return "<f8";
  if constexpr (std::is_same_v<T, std::int32_t>) return "<i4";
  if constexpr (std::is_same_v<T, std::int64_t>) return "<i8";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "<u4";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "|u1";
}

template <typename T>
NpyArray MakeNpyArray(std::vector<std::int64_t> shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {std::string(NpyDtype<T>()), std::move(shape), {bytes.begin(), bytes.end()}};
}

// Throws UserError unless `array` is of dtype `wanted`.
void CheckDtype(const NpyArray& array, std::string_view wanted);

// The elements, of exactly the type T.
template <typename T>
std::vector<T> NpyValues(const NpyArray& array) {
  CheckDtype(array, NpyDtype<T>());
  std::vector<T> values(array.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

}  // namespace samebits
