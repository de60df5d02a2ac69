// Dropout with the mask made in registers, or stored: a thread makes blocks of its stream, four of
// Threefry's two words or one of Philox' four. Of a part of a batch, where a block may have only
// one word of Threefry, it makes one for each.
#include "kernels/cuda/random.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

// What becomes of the elements from i on, that are kept or not.
struct Select {
  float scale;
  const float* x;
  float* y;

  template <int kWords>
  __device__ void operator()(std::int64_t i, const gpu::Vector<kWords, bool>& kept) const {
    auto vector = gpu::Load<kWords>(x + i);
    for (int j = 0; j < kWords; ++j)
      vector.word[j] = kept.word[j] ? __fmul_rn(vector.word[j], scale) : 0.0f;
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

// Words of Threefry as what is kept.
template <class Use>
struct KeepBelow {
  std::uint32_t bound;
  Use use;

  template <int kWords>
  __device__ void operator()(std::int64_t i, const gpu::Vector<kWords, unsigned>& words) const {
    gpu::Vector<kWords, bool> kept;
    for (int j = 0; j < kWords; ++j) kept.word[j] = words.word[j] >> 9 < bound;
    use(i, kept);
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
    const auto words = gpu::Threefry(static_cast<unsigned>(stream[0]),
                                     static_cast<unsigned>(stream[1]), static_cast<unsigned>(block),
                                     partner < s.of ? static_cast<unsigned>(partner) : 0);
    return words.word[i < half ? 0 : 1] >> 9 < s.keep_below;
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
    const auto words = gpu::PhiloxStream(stream).Block(block);
    gpu::Vector<4, bool> kept;
    for (int j = 0; j < 4; ++j) kept.word[j] = (words.word[j] & 0x7FFFFFU) >= s.keep_from;
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
    gpu::ForEachThreefryWord(stream, s.n, seed, aligned, KeepBelow<Use>{s.keep_below, use});
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
