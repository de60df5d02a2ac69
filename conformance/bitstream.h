// The outputs of an operation as bytes: tensors in the order of the signature, row-major,
// little-endian, no padding, every NaN written as 0x7fc00000, -0 kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/op.h"

namespace samebits {

using Bitstream = std::vector<std::byte>;

Bitstream BitstreamOf(std::span<const Tensor> tensors, std::span<const void* const> data);

// A float as the bitstream has it, and what stands there as element i of elements of `size` bytes.
std::uint32_t BitsOf(float value);
std::uint32_t BitsAt(const Bitstream& stream, std::int64_t i, std::size_t size);

// SHA-256 of the whole, and the first 16 characters of that of each block: at most 16 blocks of
// equal size (the last may be shorter), a block at least 4 bytes.
struct Digest {
  std::string whole;
  std::vector<std::string> blocks;

  bool operator==(const Digest&) const = default;
};

Digest DigestOf(const Bitstream& stream);

// The first place where two bitstreams of the same tensors differ.
struct Divergence {
  std::string element;     // "y[1,0,3,7]"
  std::string got, want;   // as bits, and as numbers where they are some: "3f800000 (1)"
  std::uint64_t ulps = 0;  // apart, for float tensors without NaN
  bool has_ulps = false;
  std::int64_t differing = 0;  // elements, in all tensors
  std::int64_t elements = 0;
};

std::optional<Divergence> FirstDivergence(std::span<const Tensor> tensors, const Bitstream& got,
                                          const Bitstream& want);

// One line for a person.
std::string Describe(const Divergence& divergence);

}  // namespace samebits
