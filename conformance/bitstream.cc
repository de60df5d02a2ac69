#include "conformance/bitstream.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "kernels/core/digest.h"

namespace samebits {
namespace {

constexpr std::size_t kMostBlocks = 16;
constexpr std::size_t kBlockCharacters = 16;
constexpr std::uint32_t kNan = 0x7fc00000;

bool IsNan(std::uint32_t bits) { return (bits & 0x7fffffff) > 0x7f800000; }

// Little-endian, whatever the machine is.
template <class T>
void Store(T value, std::byte* to) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
  }
}

// A tensor's elements, of any NaN the contract's; returns the end.
template <class Word>
std::byte* StoreAll(const Tensor& tensor, const std::byte* from, std::byte* to) {
  const bool floats = tensor.type == DType::kFloat32;
  const std::int64_t elements = tensor.Elements();
  for (std::int64_t i = 0; i < elements; ++i, from += sizeof(Word), to += sizeof(Word)) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    if constexpr (sizeof(Word) == sizeof kNan) word = floats && IsNan(word) ? kNan : word;
    Store(word, to);
  }
  return to;
}

std::uint64_t Element(const Bitstream& stream, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::to_integer<std::uint64_t>(stream[at + i]) << 8 * i;
  return value;
}

// Floats in numeric order as integers: neighbours differ by 1, -0 and +0 are one place.
std::int64_t PlaceAmongFloats(std::uint32_t bits) {
  const auto magnitude = static_cast<std::int64_t>(bits & 0x7fffffff);
  return bits >> 31 ? -magnitude : magnitude;
}

std::string Show(std::uint64_t bits, DType type) {
  switch (type) {
    case DType::kFloat32: {
      const auto word = static_cast<std::uint32_t>(bits);
      return fmt::format("{:08x} ({:.9g})", word, std::bit_cast<float>(word));
    }
    case DType::kUint8:
      return fmt::format("{:02x}", bits);
    default:
      return fmt::format("{:x}", bits);
  }
}

std::string ElementName(const Tensor& tensor, std::int64_t index) {
  std::string place;
  for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent) {
    place = fmt::format("{}{}{}", index % *extent, place.empty() ? "" : ",", place);
    index /= *extent;
  }
  return fmt::format("{}[{}]", tensor.name, place);
}

}  // namespace

Bitstream BitstreamOf(std::span<const Tensor> tensors, std::span<const void* const> data) {
  std::size_t bytes = 0;
  for (const Tensor& tensor : tensors) bytes += tensor.Bytes();
  Bitstream stream(bytes);
  std::byte* to = stream.data();
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const Tensor& tensor = tensors[t];
    const auto* from = static_cast<const std::byte*>(data[t]);
    switch (SizeOf(tensor.type)) {
      case 1:
        to = StoreAll<std::uint8_t>(tensor, from, to);
        break;
      case 2:
        to = StoreAll<std::uint16_t>(tensor, from, to);
        break;
      case 8:
        to = StoreAll<std::uint64_t>(tensor, from, to);
        break;
      default:
        to = StoreAll<std::uint32_t>(tensor, from, to);
    }
  }
  return stream;
}

std::uint32_t BitsOf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return IsNan(bits) ? kNan : bits;
}

std::uint32_t BitsAt(const Bitstream& stream, std::int64_t i, std::size_t size) {
  return static_cast<std::uint32_t>(Element(stream, static_cast<std::size_t>(i) * size, size));
}

Digest DigestOf(const Bitstream& stream) {
  Digest digest{Sha256Hex(stream), {}};
  const std::size_t words = (stream.size() + 3) / 4;
  const std::size_t block = (words + kMostBlocks - 1) / kMostBlocks * 4;
  for (std::size_t at = 0; at < stream.size(); at += block) {
    const std::size_t size = std::min(block, stream.size() - at);
    digest.blocks.push_back(
        Sha256Hex(std::span(stream).subspan(at, size)).substr(0, kBlockCharacters));
  }
  return digest;
}

std::optional<Divergence> FirstDivergence(std::span<const Tensor> tensors, const Bitstream& got,
                                          const Bitstream& want) {
  if (got == want) return std::nullopt;
  std::optional<Divergence> first;
  std::int64_t differing = 0, elements = 0;
  std::size_t at = 0;
  for (const Tensor& tensor : tensors) {
    const std::size_t size = SizeOf(tensor.type);
    const std::int64_t own = tensor.Elements();
    elements += own;
    for (std::int64_t i = 0; i < own; ++i, at += size) {
      const std::uint64_t g = Element(got, at, size), w = Element(want, at, size);
      if (g == w) continue;
      ++differing;
      if (first) continue;
      first = Divergence{ElementName(tensor, i), Show(g, tensor.type), Show(w, tensor.type)};
      const auto g32 = static_cast<std::uint32_t>(g), w32 = static_cast<std::uint32_t>(w);
      if (tensor.type == DType::kFloat32 && !IsNan(g32) && !IsNan(w32)) {
        first->has_ulps = true;
        first->ulps =
            static_cast<std::uint64_t>(std::abs(PlaceAmongFloats(g32) - PlaceAmongFloats(w32)));
      }
    }
  }
  if (first) first->differing = differing, first->elements = elements;
  return first;
}

std::string Describe(const Divergence& d) {
  return fmt::format("{} of {} elements differ, first {}: got {}, want {}{}", d.differing,
                     d.elements, d.element, d.got, d.want,
                     d.has_ulps ? fmt::format(", {} ULP apart", d.ulps) : "");
}

}  // namespace samebits
