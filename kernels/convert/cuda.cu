// The conversions, on the bits.
#include "kernels/convert/convert.h"
#include "kernels/cuda/vector.h"

namespace samebits::convert::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

enum : unsigned { kInfinity = 0x7f800000, kSign = 0x80000000 };

__device__ inline unsigned BitsOf(float x) { return static_cast<unsigned>(__float_as_int(x)); }
__device__ inline float FloatOf(unsigned bits) { return __int_as_float(static_cast<int>(bits)); }

// Drops the last bits, and rounds to the nearest, ties to even: into the next exponent, or to
// infinity, where it carries that far.
template <int drop>
__device__ unsigned Rounded(unsigned bits) {
  constexpr unsigned kBelowHalf = (1U << (drop - 1)) - 1;
  return (bits + kBelowHalf + (bits >> drop & 1)) >> drop;
}

struct Bfloat16 {
  __device__ static unsigned Of(float x) {
    const unsigned bits = BitsOf(x);
    return (bits & ~kSign) > kInfinity ? 0x7fc0 : Rounded<16>(bits);
  }
  __device__ static float Widened(unsigned bits) {
    const unsigned wide = bits << 16;
    return FloatOf((wide & ~kSign) > kInfinity ? 0x7fc00000 : wide);
  }
};

struct Float16 {
  __device__ static unsigned Of(float x) {
    constexpr unsigned kRebias = (127U - 15) << 23, kLowest = (127U - 14) << 23,
                       kBeyond = (127U + 16) << 23;  // 65,536
    const unsigned bits = BitsOf(x), magnitude = bits & ~kSign, sign = bits >> 16 & 0x8000;
    if (magnitude > kInfinity) return 0x7e00;
    const unsigned finite = magnitude < kBeyond ? magnitude : kBeyond;
    // Below the normals the last place is 2^-24, that of 1/2 in binary32: adding it rounds.
    if (finite < kLowest) return sign | (BitsOf(__fadd_rn(FloatOf(finite), 0.5f)) - BitsOf(0.5f));
    return sign | Rounded<13>(finite - kRebias);
  }
  __device__ static float Widened(unsigned bits) {
    const unsigned magnitude = bits & 0x7fff, sign = (bits & 0x8000) << 16;
    if (magnitude > 0x7c00) return FloatOf(0x7fc00000);
    if (magnitude == 0x7c00) return FloatOf(sign | kInfinity);
    if (magnitude >= 0x400) return FloatOf(sign | ((magnitude << 13) + ((127U - 15) << 23)));
    return FloatOf(sign |
                   BitsOf(__fmul_rn(static_cast<float>(static_cast<int>(magnitude)), 0x1p-24f)));
  }
};

template <class Format>
struct NarrowElements {
  const float* x;
  float scale;
  std::uint16_t* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const auto from = gpu::Load<kWords>(x + i);
    gpu::Vector<kWords, std::uint16_t> to;
    for (int j = 0; j < kWords; ++j) {
      to.word[j] = static_cast<std::uint16_t>(Format::Of(__fmul_rn(from.word[j], scale)));
    }
    gpu::Store(y + i, to);
  }
};

template <class Format>
struct WidenElements {
  const std::uint16_t* x;
  float scale;
  float* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    const auto from = gpu::Load<kWords>(x + i);
    gpu::Vector<kWords> to;
    for (int j = 0; j < kWords; ++j) to.word[j] = __fmul_rn(Format::Widened(from.word[j]), scale);
    gpu::Store(y + i, to);
  }
};

template <template <class> class Elements, class To, class From>
void Convert(const Shape& s, const From* x, To* y, DeviceStream& stream) {
  const bool wide = gpu::AreAligned(x, y);
  if (s.bfloat16) {
    return gpu::ForEachVector(stream, s.n, wide, Elements<Bfloat16>{x, s.scale, y});
  }
  gpu::ForEachVector(stream, s.n, wide, Elements<Float16>{x, s.scale, y});
}

}  // namespace

void Narrow(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  Convert<NarrowElements>(s, buffers.in(0), buffers.out<std::uint16_t>(0), stream);
}

void Widen(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  Convert<WidenElements>(s, buffers.in<std::uint16_t>(0), buffers.out(0), stream);
}

}  // namespace samebits::convert::SAMEBITS_GPU
