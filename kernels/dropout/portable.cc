// Dropout in plain C++: the compiler vectorises across the blocks of the stream. A block holds the
// words of two elements, h = ceil(n/2) apart; the mask is never stored.
#include "kernels/core/team.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::SAMEBITS_ISA {
namespace {

constexpr std::int64_t kGrain = 4096;  // blocks worth a task of their own
constexpr int kBlocks = 64;            // computed side by side

[[gnu::always_inline]] inline std::uint32_t RotateLeft(std::uint32_t x, int by) {
  return x << by | x >> (32 - by);
}

template <int R0, int R1, int R2, int R3>
[[gnu::always_inline]] inline void FourRounds(std::uint32_t& x0, std::uint32_t& x1) {
  x0 += x1, x1 = RotateLeft(x1, R0) ^ x0;
  x0 += x1, x1 = RotateLeft(x1, R1) ^ x0;
  x0 += x1, x1 = RotateLeft(x1, R2) ^ x0;
  x0 += x1, x1 = RotateLeft(x1, R3) ^ x0;
}

[[gnu::always_inline]] inline void Threefry(const std::uint32_t (&keys)[3], std::uint32_t& x0,
                                            std::uint32_t& x1) {
  x0 += keys[0], x1 += keys[1];
  FourRounds<13, 15, 26, 6>(x0, x1);
  x0 += keys[1], x1 += keys[2] + 1;
  FourRounds<17, 29, 16, 24>(x0, x1);
  x0 += keys[2], x1 += keys[0] + 2;
  FourRounds<13, 15, 26, 6>(x0, x1);
  x0 += keys[0], x1 += keys[1] + 3;
  FourRounds<17, 29, 16, 24>(x0, x1);
  x0 += keys[1], x1 += keys[2] + 4;
  FourRounds<13, 15, 26, 6>(x0, x1);
  x0 += keys[2], x1 += keys[0] + 5;
}

// y = x * scale where the word keeps it, else +0.
inline void Select(const Shape& s, const std::uint32_t* words, const float* x, float* y,
                   std::int64_t count) {
  const float scale = s.scale;
  const std::uint32_t bound = s.keep_below;
  for (std::int64_t j = 0; j < count; ++j) y[j] = words[j] >> 9 < bound ? x[j] * scale : 0.0f;
}

[[gnu::always_inline]] inline void Philox(std::uint32_t k0, std::uint32_t k1, std::uint32_t& c0,
                                          std::uint32_t& c1, std::uint32_t& c2, std::uint32_t& c3) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0, b = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
}

// The stream keras-tensorflow: a block holds the words of four neighbours.
void ApplyPhilox(const Shape& s, const float* x, const std::int64_t* seed, float* y, Team& team) {
  const PhiloxWords philox = PhiloxWordsOf(seed);
  const std::uint32_t k0 = philox.key0, k1 = philox.key1;
  const std::uint32_t bound = s.keep_from;
  const float scale = s.scale;
  team.RunRanges((s.n + 3) / 4, kGrain / 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t now = end - i < kBlocks ? end - i : kBlocks;
      std::uint32_t words[4][kBlocks];
      for (int j = 0; j < kBlocks; ++j) {
        std::uint32_t c0 = static_cast<std::uint32_t>(i + j), c1 = 0, c2 = philox.high0,
                      c3 = philox.high1;
        Philox(k0, k1, c0, c1, c2, c3);
        words[0][j] = c0, words[1][j] = c1, words[2][j] = c2, words[3][j] = c3;
      }
      const std::int64_t elements = 4 * (i + now) <= s.n ? 4 * now : s.n - 4 * i;
      for (std::int64_t j = 0; j < elements; ++j) {
        const float kept = x[4 * i + j] * scale;
        y[4 * i + j] = (words[j % 4][j / 4] & 0x7FFFFF) >= bound ? kept : 0.0f;
      }
      i += now;
    }
  });
}

}  // namespace

void Apply(const Shape& s, const Buffers& buffers, Team& team) {
  const float* x = buffers.in(0);
  const auto* stream = buffers.in<std::int64_t>(1);
  float* y = buffers.out(0);
  if (s.tensorflow) return ApplyPhilox(s, x, stream, y, team);
  const auto k0 = static_cast<std::uint32_t>(stream[0]), k1 = static_cast<std::uint32_t>(stream[1]);
  const std::uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDAu};
  const std::int64_t half = (s.n + 1) / 2;
  team.RunRanges(half, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t now = end - i < kBlocks ? end - i : kBlocks;
      std::uint32_t first[kBlocks], second[kBlocks];
      for (int j = 0; j < kBlocks; ++j) {
        first[j] = static_cast<std::uint32_t>(i + j);
        second[j] = half + i + j < s.n ? static_cast<std::uint32_t>(half + i + j) : 0;
        Threefry(keys, first[j], second[j]);
      }
      Select(s, first, x + i, y + i, now);
      const std::int64_t real = half + i + now <= s.n ? now : now - 1;  // n is odd: no last word
      Select(s, second, x + half + i, y + half + i, real);
      i += now;
    }
  });
}

}  // namespace samebits::dropout::SAMEBITS_ISA
