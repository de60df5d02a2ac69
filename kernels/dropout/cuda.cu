// Dropout with the mask made in registers, or stored: a thread makes a block of its stream, two
// words of Threefry or four of Philox. Of a part of a batch, where a block may have only one word
// of Threefry, a thread makes it for each.
#include "kernels/cuda/arithmetic.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct Words2 {
  unsigned first, second;
};
struct Words4 {
  unsigned w[4];
};

// Threefry-2x32-20 (kernels/core/threefry.h).
__device__ inline Words2 Threefry(unsigned key0, unsigned key1, unsigned x0, unsigned x1) {
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
  return {x0, x1};
}

// Philox4x32-10 (kernels/core/philox.h).
__device__ inline Words4 Philox(unsigned k0, unsigned k1, Words4 counter) {
  unsigned c0 = counter.w[0], c1 = counter.w[1], c2 = counter.w[2], c3 = counter.w[3];
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

// What becomes of an element.
struct Select {
  float scale;
  const float* x;
  float* y;

  __device__ void operator()(std::int64_t i, bool kept) const { y[i] = kept ? x[i] * scale : 0.0f; }
};
struct Note {
  std::uint8_t* mask;

  __device__ void operator()(std::int64_t i, bool kept) const { mask[i] = kept ? 1 : 0; }
};

// Element i of the first half and its partner of the second.
template <class Use>
struct ApplyJax {
  Shape s;
  const std::int64_t* stream;
  Use use;

  __device__ void Put(std::int64_t i, unsigned word) const { use(i, word >> 9 < s.keep_below); }
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t partner = s.n / 2 + s.n % 2 + i;
    const Words2 words =
        Threefry(static_cast<unsigned>(stream[0]), static_cast<unsigned>(stream[1]),
                 static_cast<unsigned>(i), partner < s.n ? static_cast<unsigned>(partner) : 0);
    Put(i, words.first);
    if (partner < s.n) Put(partner, words.second);
  }
};

// Of a part of a batch: one element.
template <class Use>
struct ApplyJaxPart {
  Shape s;
  const std::int64_t* stream;
  Use use;

  __device__ void operator()(std::int64_t j) const {
    const std::int64_t half = s.of / 2 + s.of % 2, i = s.first + j;
    const std::int64_t block = i < half ? i : i - half, partner = half + block;
    const Words2 words =
        Threefry(static_cast<unsigned>(stream[0]), static_cast<unsigned>(stream[1]),
                 static_cast<unsigned>(block), partner < s.of ? static_cast<unsigned>(partner) : 0);
    const unsigned word = i < half ? words.first : words.second;
    use(j, word >> 9 < s.keep_below);
  }
};

template <class Use>
struct ApplyTensorFlow {
  Shape s;
  const std::int64_t* stream;
  Use use;

  __device__ void operator()(std::int64_t index) const {
    const std::int64_t block = s.first / 4 + index;
    // The seed of a stateless operation, as PhiloxStream::OfSeed mixes it.
    constexpr unsigned kModulus = 0x7FFFFFFEU;
    const Words4 mixed = Philox(0x3EC8F720U, 0x02461E29U,
                                {{static_cast<unsigned>(stream[0]) % kModulus, 0,
                                  static_cast<unsigned>(stream[1]) % kModulus, 0}});
    const Words4 words = Philox(mixed.w[0], mixed.w[1],
                                {{static_cast<unsigned>(block), static_cast<unsigned>(block >> 32),
                                  mixed.w[2], mixed.w[3]}});
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const std::int64_t i = block * 4 + j - s.first;
      if (i < 0 || i >= s.n) continue;
      use(i, (words.w[j] & 0x7FFFFFU) >= s.keep_from);
    }
  }
};

struct ApplyMask {
  const std::uint8_t* kept;
  Select select;

  __device__ void operator()(std::int64_t i) const { select(i, kept[i] != 0); }
};

template <class Use>
void ForEach(const Shape& s, const std::int64_t* seed, DeviceStream& stream, const Use& use) {
  if (s.tensorflow) {
    const std::int64_t blocks = (s.first + s.n + 3) / 4 - s.first / 4;
    gpu::ForEach(stream, blocks, ApplyTensorFlow<Use>{s, seed, use});
  } else if (s.n < s.of) {
    gpu::ForEach(stream, s.n, ApplyJaxPart<Use>{s, seed, use});
  } else {
    gpu::ForEach(stream, s.n / 2 + s.n % 2, ApplyJax<Use>{s, seed, use});
  }
}

}  // namespace

// Forward and backward are the same function of their first input.
void Apply(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  ForEach(s, buffers.in<std::int64_t>(1), stream, Select{s.scale, buffers.in(0), buffers.out(0)});
}

void Mask(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  ForEach(s, buffers.in<std::int64_t>(0), stream, Note{buffers.out<std::uint8_t>(0)});
}

void Masked(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.n,
               ApplyMask{buffers.in<std::uint8_t>(1), {s.scale, buffers.in(0), buffers.out(0)}});
}

}  // namespace samebits::dropout::SAMEBITS_GPU
