// The counter-based generators behind Keras' streams (kernels/core/threefry.h, philox.h). Included
// by .cu files.
#pragma once

#include "kernels/cuda/vector.h"

namespace samebits::SAMEBITS_GPU {
namespace {

// Threefry-2x32-20.
__device__ inline Vector<2, unsigned> Threefry(unsigned key0, unsigned key1, unsigned x0,
                                               unsigned x1) {
  const unsigned schedule[3] = {key0, key1, key0 ^ key1 ^ 0x1BD11BDAU};
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  x0 += schedule[0], x1 += schedule[1];
#pragma unroll
  for (unsigned i = 0; i < 5; ++i) {
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int rotation = kRotations[i % 2][r];
      x0 += x1;
      x1 = (x1 << rotation | x1 >> (32 - rotation)) ^ x0;
    }
    x0 += schedule[(i + 1) % 3];
    x1 += schedule[(i + 2) % 3] + i + 1;
  }
  return {{x0, x1}};
}

// The words of elements of the first half, and of their partners in the second.
template <class Use>
struct ThreefryWords {
  std::int64_t n;
  const std::int64_t* stream;  // draw, call
  Use use;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const std::int64_t half = n / 2 + n % 2, partner = half + i;
    const auto key0 = static_cast<unsigned>(stream[0]), key1 = static_cast<unsigned>(stream[1]);
    Vector<kWords, unsigned> first, second;
    for (int j = 0; j < kWords; ++j) {
      const auto words = Threefry(key0, key1, static_cast<unsigned>(i + j),
                                  partner + j < n ? static_cast<unsigned>(partner + j) : 0);
      first.word[j] = words.word[0];
      second.word[j] = words.word[1];
    }
    use(i, first);
    if (partner < n) use(partner, second);
  }
};

// use(i, the words of elements i, i + 1, ... of n), Vector<4> or Vector<1>. `aligned`: the buffers
// that `use` reads or writes begin with vectors.
template <class Use>
void ForEachThreefryWord(DeviceStream& stream, std::int64_t n, const std::int64_t* seed,
                         bool aligned, const Use& use) {
  const bool wide = aligned && n % 8 == 0;  // the second half's vectors, too
  ForEachVector(stream, n / 2 + n % 2, wide, ThreefryWords<Use>{n, seed, use});
}

// Philox4x32-10.
__device__ inline Vector<4, unsigned> Philox(unsigned k0, unsigned k1,
                                             const Vector<4, unsigned>& counter) {
  unsigned c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * c0, b = std::uint64_t{0xCD9E8D57U} * c2;
    c0 = static_cast<unsigned>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<unsigned>(b);
    c2 = static_cast<unsigned>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<unsigned>(a);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return {{c0, c1, c2, c3}};
}

// As samebits::PhiloxStream::OfSeed.
class PhiloxStream {
 public:
  __device__ explicit PhiloxStream(const std::int64_t* stream) {  // draw, call
    constexpr unsigned kModulus = 0x7FFFFFFEU;
    const auto draw = static_cast<unsigned>(stream[0]), call = static_cast<unsigned>(stream[1]);
    mixed_ = Philox(0x3EC8F720U, 0x02461E29U, {{draw % kModulus, 0, call % kModulus, 0}});
  }
  __device__ Vector<4, unsigned> Block(std::int64_t i) const {
    return Philox(mixed_.word[0], mixed_.word[1],
                  {{static_cast<unsigned>(i), static_cast<unsigned>(i >> 32), mixed_.word[2],
                    mixed_.word[3]}});
  }

 private:
  Vector<4, unsigned> mixed_;
};

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
