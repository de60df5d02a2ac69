#include "kernels/core/inputs.h"

#include <bit>
#include <iterator>

#include "kernels/core/philox.h"

namespace samebits {
namespace {

// 24 random bits on the grid of 2^-23: exact, so the same on every machine.
float Uniform(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word) >> 8) * 0x1p-23f;
}

float Cancel(std::uint32_t word) {
  const std::uint32_t exponent = 127 - 20 + (word >> 1 & 0xff) % 41;
  return std::bit_cast<float>((word & 0x80000000u) | exponent << 23 | (word >> 9 & 0x7fffffu) >> 1);
}

float Subnormal(std::uint32_t word) {
  if (word & 1) return Uniform(word);
  return std::bit_cast<float>((word & 0x80000000u) | (word >> 7 & 0x00ffffffu));
}

float Tiny(std::uint32_t word) {
  switch (word & 3) {
    case 0:
      return Uniform(word);
    case 1:
      return word & 4 ? -0.0f : 0.0f;
    default:
      return std::bit_cast<float>((word & 0x80000000u) | (word >> 7 & 0x007fffffu));
  }
}

float Zeros(std::uint32_t word) {
  if ((word & 3) == 0) return Uniform(word);
  return word & 4 ? -0.0f : 0.0f;
}

float NonFinite(std::uint32_t word) {
  if ((word & 63) != 0) return Uniform(word);
  const std::uint32_t payload = word & 64 ? (word >> 9 & 0x7fffffu) : 0;
  return std::bit_cast<float>((word & 0x80000000u) | 0x7f800000u | payload);
}

float Logits(std::uint32_t word) { return Uniform(word) * 20.0f; }

float Bits(std::uint32_t word) { return std::bit_cast<float>(word); }

using Distribution = float (*)(std::uint32_t);

constexpr std::string_view kWords[] = {"cancel",    "subnormal", "tiny", "zeros",
                                       "nonfinite", "logits",    "bits"};
constexpr Distribution kDistributions[] = {Cancel, Subnormal, Tiny, Zeros, NonFinite, Logits, Bits};
static_assert(std::size(kWords) == std::size(kDistributions));

Distribution DistributionOf(const Case& c) {
  for (std::size_t i = 0; i < std::size(kWords); ++i) {
    if (c.Has(kWords[i])) return kDistributions[i];
  }
  return Uniform;
}

PhiloxBlock Words(std::uint64_t seed, std::uint64_t tensor, std::uint64_t block) {
  const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  return Philox4x32({low(seed), high(seed)}, {low(block), high(block), low(tensor), high(tensor)});
}

template <class Use>
void ForEachWord(std::uint64_t seed, std::uint64_t tensor, std::size_t count, const Use& use) {
  for (std::size_t first = 0; first < count; first += 4) {
    const PhiloxBlock words = Words(seed, tensor, first / 4);
    for (std::size_t i = 0; i < 4 && first + i < count; ++i) use(first + i, words[i]);
  }
}

template <class T>
void FillBelow(const Case& c, int tensor, std::int64_t below, std::span<T> values) {
  ForEachWord(c.Seed(), static_cast<std::uint64_t>(tensor), values.size(),
              [&](std::size_t i, std::uint32_t word) {
                values[i] = static_cast<T>(word % static_cast<std::uint64_t>(below));
              });
}

}  // namespace

std::uint32_t InputWord(std::uint64_t seed, std::uint64_t tensor, std::uint64_t element) {
  return Words(seed, tensor, element / 4)[element % 4];
}

void FillFloats(const Case& c, int tensor, std::span<float> values) {
  const Distribution distribution = DistributionOf(c);
  ForEachWord(c.Seed(), static_cast<std::uint64_t>(tensor), values.size(),
              [&](std::size_t i, std::uint32_t word) { values[i] = distribution(word); });
}

std::span<const std::string_view> InputWords() { return kWords; }

void FillBytes(const Case& c, int tensor, std::int64_t below, std::span<std::uint8_t> bytes) {
  FillBelow(c, tensor, below, bytes);
}

void FillLabels(const Case& c, int tensor, std::int64_t classes, std::span<std::int32_t> labels) {
  FillBelow(c, tensor, classes, labels);
}

}  // namespace samebits
