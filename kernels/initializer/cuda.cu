// Random tensors, a thread a block of the stream, or four blocks of Threefry.
#include "kernels/cuda/random.h"
#include "kernels/initializer/initializer.h"
#include "kernels/math/stream_functions.h"

namespace samebits::initializer::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;
namespace functions = samebits::stream_functions;

enum class Distribution { kUniform, kNormal, kTruncatedNormal };

// (bits of a float in [1, 2)) - 1.
__device__ inline float UnitUniform(unsigned bits) {
  return __fsub_rn(__int_as_float(static_cast<int>(bits | 0x3F800000U)), 1.0f);
}

__device__ inline float UniformByJax(unsigned word, float low, float high) {
  const float value = __fmaf_rn(UnitUniform(word >> 9), __fsub_rn(high, low), low);
  return value < low ? low : value;
}

__device__ inline float ScaleAndShift(const float* range, float z) {
  return __fadd_rn(__fmul_rn(z, range[1]), range[0]);
}

template <Distribution distribution>
struct DrawByJax {
  const float* range;
  float* y;

  __device__ float ValueOf(unsigned word) const {
    constexpr float kRootOfTwo = 1.41421356237f, kErfOfRootOfTwo = 0.9544997f;
    constexpr float kBelowOne = 0x1.fffffep-1f, kBelowTwo = 0x1.fffffep+0f;
    if constexpr (distribution == Distribution::kUniform) {
      return UniformByJax(word, range[0], range[1]);
    } else if constexpr (distribution == Distribution::kNormal) {
      const float v = UniformByJax(word, -kBelowOne, 1.0f);
      return ScaleAndShift(range, __fmul_rn(kRootOfTwo, functions::ErfInvByXla(v)));
    } else {
      const float v = UniformByJax(word, -kErfOfRootOfTwo, kErfOfRootOfTwo);
      float z = __fmul_rn(kRootOfTwo, functions::ErfInvByXla(v));
      z = z < -kBelowTwo ? -kBelowTwo : z;
      return ScaleAndShift(range, z > kBelowTwo ? kBelowTwo : z);
    }
  }
  template <int kWords>
  __device__ void operator()(std::int64_t i, const gpu::Vector<kWords, unsigned>& words) const {
    gpu::Vector<kWords> values;
    for (int j = 0; j < kWords; ++j) values.word[j] = ValueOf(words.word[j]);
    gpu::Store(y + i, values);
  }
};

__device__ inline functions::Wave BoxMuller(unsigned a, unsigned b) {
  constexpr double kTwoPi = 6.283185307179586;
  constexpr float kLeast = 1.0e-7f;
  const float u = UnitUniform(a & 0x7FFFFFU);
  const auto angle = static_cast<float>(kTwoPi * static_cast<double>(UnitUniform(b & 0x7FFFFFU)));
  const float radius = __fsqrt_rn(__fmul_rn(-2.0f, functions::LogByGlibc(u < kLeast ? kLeast : u)));
  const auto wave = functions::SinCosByGlibc(angle);
  return {__fmul_rn(wave.sin, radius), __fmul_rn(wave.cos, radius)};
}

template <Distribution distribution>
struct DrawByTensorFlow {
  std::int64_t n;
  const std::int64_t* seed;
  const float* range;
  float* y;

  // Group i of four values.
  __device__ gpu::Vector<4> GroupOf(std::int64_t i) const {
    const gpu::PhiloxStream stream(seed);
    gpu::Vector<4> group{};
    if constexpr (distribution == Distribution::kUniform) {
      const auto words = stream.Block(i);
      for (int j = 0; j < 4; ++j) {
        const float u = UnitUniform(words.word[j] & 0x7FFFFFU);
        group.word[j] = __fadd_rn(__fmul_rn(u, __fsub_rn(range[1], range[0])), range[0]);
      }
    } else if constexpr (distribution == Distribution::kNormal) {
      const auto words = stream.Block(i);
      for (int pair = 0; pair < 4; pair += 2) {
        const auto wave = BoxMuller(words.word[pair], words.word[pair + 1]);
        group.word[pair] = ScaleAndShift(range, wave.sin);
        group.word[pair + 1] = ScaleAndShift(range, wave.cos);
      }
    } else {
      int kept = 0;
      const auto keep = [&](float z) {
        if (!(z < 2.0f && z > -2.0f)) return;
        for (int j = 0; j < 4; ++j) {
          if (j == kept) group.word[j] = ScaleAndShift(range, z);
        }
        ++kept;
      };
      for (std::int64_t block = 256 * i; kept < 4; ++block) {
        const auto words = stream.Block(block);
        for (int pair = 0; pair < 4; pair += 2) {
          const auto wave = BoxMuller(words.word[pair], words.word[pair + 1]);
          keep(wave.sin);
          keep(wave.cos);
        }
      }
    }
    return group;
  }
  __device__ void operator()(std::int64_t i) const {
    const auto group = GroupOf(i);
    for (int j = 0; j < 4 && i * 4 + j < n; ++j) y[i * 4 + j] = group.word[j];
  }
};

template <Distribution distribution>
void Draw(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  const auto* const seed = buffers.in<std::int64_t>(0);
  const float* const range = buffers.in(1);
  float* const y = buffers.out(0);
  if (s.tensorflow) {
    gpu::ForEach(stream, (s.n + 3) / 4, DrawByTensorFlow<distribution>{s.n, seed, range, y});
  } else {
    gpu::ForEachThreefryWord(stream, s.n, seed, gpu::AreAligned(y),
                             DrawByJax<distribution>{range, y});
  }
}

}  // namespace

void Uniform(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  Draw<Distribution::kUniform>(s, buffers, stream);
}

void Normal(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  Draw<Distribution::kNormal>(s, buffers, stream);
}

void TruncatedNormal(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  Draw<Distribution::kTruncatedNormal>(s, buffers, stream);
}

}  // namespace samebits::initializer::SAMEBITS_GPU
