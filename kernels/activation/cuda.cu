// The elementwise functions.
#include "kernels/activation/activation.h"
#include "kernels/cuda/math.h"
#include "kernels/cuda/vector.h"

namespace samebits::activation::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct ReluOf {
  __device__ static float Of(float x) { return x > 0.0f || x != x ? x : 0.0f; }
};
struct SigmoidOf {
  __device__ static float Of(float x) { return 1.0f / __fadd_rn(1.0f, gpu::Exp(-x)); }
};
struct ExpOf {
  __device__ static float Of(float x) { return gpu::Exp(x); }
};
struct TanhOf {
  __device__ static float Of(float x) { return gpu::Tanh(x); }
};
struct LogOf {
  __device__ static float Of(float x) { return gpu::Log(x); }
};
struct ReluGradient {
  __device__ static float Of(float y, float dy) { return y > 0.0f ? dy : 0.0f; }
};
struct SigmoidGradient {
  __device__ static float Of(float y, float dy) {
    return __fmul_rn(dy, __fmul_rn(y, __fsub_rn(1.0f, y)));
  }
};

struct TanhGradient {
  __device__ static float Of(float y, float dy) {
    return __fmul_rn(dy, __fsub_rn(1.0f, __fmul_rn(y, y)));
  }
};

template <class Function>
struct Unary {
  const float* x;
  float* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    auto vector = gpu::Load<kWords>(x + i);
    for (float& word : vector.word) word = Function::Of(word);
    gpu::Store(y + i, vector);
  }
};

template <class Function>
struct Binary {
  const float *a, *b;
  float* y;
  template <int kWords>
  __device__ void Do(std::int64_t i) const {
    auto vector = gpu::Load<kWords>(a + i);
    const auto other = gpu::Load<kWords>(b + i);
    for (int j = 0; j < kWords; ++j) vector.word[j] = Function::Of(vector.word[j], other.word[j]);
    gpu::Store(y + i, vector);
  }
};

template <class Function>
void MapUnary(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  const Unary<Function> map{buffers.in(0), buffers.out(0)};
  gpu::ForEachVector(stream, c.Get("n"), gpu::AreAligned(map.x, map.y), map);
}

template <class Function>
void MapBinary(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  const Binary<Function> map{buffers.in(0), buffers.in(1), buffers.out(0)};
  gpu::ForEachVector(stream, c.Get("n"), gpu::AreAligned(map.a, map.b, map.y), map);
}

}  // namespace

void ReluForward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapUnary<ReluOf>(c, buffers, stream);
}
void ReluBackward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapBinary<ReluGradient>(c, buffers, stream);
}
void SigmoidForward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapUnary<SigmoidOf>(c, buffers, stream);
}
void SigmoidBackward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapBinary<SigmoidGradient>(c, buffers, stream);
}
void TanhForward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapUnary<TanhOf>(c, buffers, stream);
}
void TanhBackward(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapBinary<TanhGradient>(c, buffers, stream);
}
void Exp(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapUnary<ExpOf>(c, buffers, stream);
}
void Log(const Case& c, const Buffers& buffers, DeviceStream& stream) {
  MapUnary<LogOf>(c, buffers, stream);
}

}  // namespace samebits::activation::SAMEBITS_GPU
