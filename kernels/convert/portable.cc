// The conversions on the bits, without a branch: the compiler vectorises them.
#include "kernels/convert/convert.h"
#include "kernels/core/team.h"

namespace samebits::convert::SAMEBITS_ISA {
namespace {

using Word = std::uint32_t;

constexpr std::int64_t kGrain = 16 * 1024;  // elements worth a task of their own
constexpr Word kInfinity = 0x7f800000, kSign = 0x80000000;

[[gnu::always_inline]] inline Word BitsOf(float x) { return __builtin_bit_cast(Word, x); }
[[gnu::always_inline]] inline float FloatOf(Word bits) { return __builtin_bit_cast(float, bits); }

// Drops the last bits, and rounds to the nearest, ties to even: into the next exponent, or to
// infinity, where it carries that far.
template <int drop>
[[gnu::always_inline]] inline Word Rounded(Word bits) {
  constexpr Word kBelowHalf = (Word{1} << (drop - 1)) - 1;
  return (bits + kBelowHalf + (bits >> drop & 1)) >> drop;
}

[[gnu::always_inline]] inline Word ToBfloat16(float x) {
  const Word bits = BitsOf(x);
  return (bits & ~kSign) > kInfinity ? 0x7fc0 : Rounded<16>(bits);
}

[[gnu::always_inline]] inline Word ToFloat16(float x) {
  constexpr Word kRebias = Word{127 - 15} << 23, kLowest = Word{127 - 14} << 23,
                 kBeyond = Word{127 + 16} << 23;  // 65,536
  const Word bits = BitsOf(x), magnitude = bits & ~kSign, sign = bits >> 16 & 0x8000;
  const Word finite = magnitude < kBeyond ? magnitude : kBeyond;
  // Below the normals the last place is 2^-24, that of 1/2 in binary32: adding it rounds.
  const Word small = BitsOf(FloatOf(finite) + 0.5f) - BitsOf(0.5f);
  const Word large = Rounded<13>(finite - kRebias);
  const Word rounded = sign | (finite < kLowest ? small : large);
  return magnitude > kInfinity ? 0x7e00 : rounded;
}

[[gnu::always_inline]] inline float FromBfloat16(Word bits) {
  const Word wide = bits << 16;
  return FloatOf((wide & ~kSign) > kInfinity ? 0x7fc00000 : wide);
}

[[gnu::always_inline]] inline float FromFloat16(Word bits) {
  const Word magnitude = bits & 0x7fff, sign = (bits & 0x8000) << 16;
  const Word normal = (magnitude << 13) + (Word{127 - 15} << 23);
  const Word small = BitsOf(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f);
  const Word special = magnitude > 0x7c00 ? 0x7fc00000 : kInfinity;
  const Word finite = magnitude < 0x400 ? small : normal;
  const Word wide = magnitude < 0x7c00 ? finite : special;
  return FloatOf(magnitude > 0x7c00 ? wide : wide | sign);
}

}  // namespace

void Narrow(const Shape& s, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  const float scale = s.scale;
  auto* y = buffers.out<std::uint16_t>(0);
  team.RunRanges(s.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (s.bfloat16) {
      for (std::int64_t i = begin; i < end; ++i)
        y[i] = static_cast<std::uint16_t>(ToBfloat16(x[i] * scale));
    } else {
      for (std::int64_t i = begin; i < end; ++i)
        y[i] = static_cast<std::uint16_t>(ToFloat16(x[i] * scale));
    }
  });
}

void Widen(const Shape& s, const Buffers& buffers, Team& team) {
  const auto* x = buffers.in<std::uint16_t>(0);
  float* y = buffers.out(0);
  const float scale = s.scale;
  team.RunRanges(s.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (s.bfloat16) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = FromBfloat16(x[i]) * scale;
    } else {
      for (std::int64_t i = begin; i < end; ++i) y[i] = FromFloat16(x[i]) * scale;
    }
  });
}

}  // namespace samebits::convert::SAMEBITS_ISA
