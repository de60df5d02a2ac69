// Dropout with the mask made in registers, or stored: a thread makes blocks of its stream, four of
// Threefry's two words or one of Philox' four. Of a part of a batch, where a block may have only
// one word of Threefry, it makes one for each.
#include "kernels/cuda/vector.h"
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

// What becomes of the elements from i on, that are kept or not.
struct Select {
  float scale;
  const float* x;
  float* y;

  template <int kWords>
  __device__ void operator()(std::int64_t i, const gpu::Vector<kWords, bool>& kept) const {
    auto vector = gpu::Load<kWords>(x + i);
    for (int j = 0; j < kWords; ++j) vector.word[j] = kept.word[j] ? vector.word[j] * scale : 0.0f;
    gpu::Store(y + i, vector);
  }
  bool IsAligned() const { return gpu::AreAligned(x, y); }
};
struct Note {
  std::uint8_t* mask;

  template <int kWords>
  __device__ void operator()(std::int64_t i, const gpu::Vector<kWords, bool>& kept) const {
    gpu::Vector<kWords, std::uint8_t> bytes;
    for (int j = 0; j < kWords; ++j) bytes.word[j] = kept.word[j] ? 1 : 0;
    gpu::Store(mask + i, bytes);
  }
  bool IsAligned() const { return gpu::AreAligned(mask); }
};

// Elements of the first half and their partners of the second.
template <class Use>
struct ApplyJax {
  Shape s;
  const std::int64_t* stream;
  Use use;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const std::int64_t half = s.n / 2 + s.n % 2, partner = half + i;
    const auto key0 = static_cast<unsigned>(stream[0]), key1 = static_cast<unsigned>(stream[1]);
    gpu::Vector<kWords, bool> first, second;
    for (int j = 0; j < kWords; ++j) {
      const Words2 words = Threefry(key0, key1, static_cast<unsigned>(i + j),
                                    partner + j < s.n ? static_cast<unsigned>(partner + j) : 0);
      first.word[j] = words.first >> 9 < s.keep_below;
      second.word[j] = words.second >> 9 < s.keep_below;
    }
    use(i, first);
    if (partner < s.n) use(partner, second);
  }
};

// Of a part of a batch.
template <class Use>
struct ApplyJaxPart {
  Shape s;
  const std::int64_t* stream;
  Use use;

  __device__ bool IsKept(std::int64_t i) const {
    const std::int64_t half = s.of / 2 + s.of % 2;
    const std::int64_t block = i < half ? i : i - half, partner = half + block;
    const Words2 words =
        Threefry(static_cast<unsigned>(stream[0]), static_cast<unsigned>(stream[1]),
                 static_cast<unsigned>(block), partner < s.of ? static_cast<unsigned>(partner) : 0);
    return (i < half ? words.first : words.second) >> 9 < s.keep_below;
  }
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    gpu::Vector<kWords, bool> kept;
    for (int j = 0; j < kWords; ++j) kept.word[j] = IsKept(s.first + i + j);
    use(i, kept);
  }
};

template <class Use>
struct ApplyTensorFlow {
  Shape s;
  const std::int64_t* stream;
  Use use;
  bool wide;  // whole blocks lie in vectors

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
    gpu::Vector<4, bool> kept;
    for (int j = 0; j < 4; ++j) kept.word[j] = (words.w[j] & 0x7FFFFFU) >= s.keep_from;
    const std::int64_t first = block * 4 - s.first;
    if (wide && first >= 0 && first + 4 <= s.n) return use(first, kept);
    for (int j = 0; j < 4; ++j) {
      const std::int64_t i = first + j;
      if (i >= 0 && i < s.n) use(i, gpu::Vector<1, bool>{{kept.word[j]}});
    }
  }
};

struct ApplyMask {
  const std::uint8_t* mask;
  Select select;

  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const auto bytes = gpu::Load<kWords>(mask + i);
    gpu::Vector<kWords, bool> kept;
    for (int j = 0; j < kWords; ++j) kept.word[j] = bytes.word[j] != 0;
    select(i, kept);
  }
};

template <class Use>
void ForEach(const Shape& s, const std::int64_t* seed, DeviceStream& stream, const Use& use) {
  const bool aligned = use.IsAligned();
  if (s.tensorflow) {
    const std::int64_t blocks = (s.first + s.n + 3) / 4 - s.first / 4;
    gpu::ForEach(stream, blocks, ApplyTensorFlow<Use>{s, seed, use, aligned && s.first % 4 == 0});
  } else if (s.n < s.of) {
    gpu::ForEachVector(stream, s.n, aligned, ApplyJaxPart<Use>{s, seed, use});
  } else {
    const bool wide = aligned && s.n % 8 == 0;  // the second half's vectors, too
    gpu::ForEachVector(stream, s.n / 2 + s.n % 2, wide, ApplyJax<Use>{s, seed, use});
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
  const ApplyMask apply{buffers.in<std::uint8_t>(1), {s.scale, buffers.in(0), buffers.out(0)}};
  const bool wide = gpu::AreAligned(apply.mask) && apply.select.IsAligned();
  gpu::ForEachVector(stream, s.n, wide, apply);
}

}  // namespace samebits::dropout::SAMEBITS_GPU
