#include "kernels/comparators/layout.h"

#include "kernels/cuda/arithmetic.h"

namespace samebits::comparators::cuda {
namespace {

struct TransposeOne {
  std::int64_t rows, columns;
  const float* from;
  float* to;

  __device__ void operator()(std::int64_t i) const { to[i] = from[i % rows * columns + i / rows]; }
};

struct AddBiasToOne {
  std::int64_t columns;
  const float* bias;
  bool relu;
  float* y;

  __device__ void operator()(std::int64_t i) const {
    const float sum = __fadd_rn(y[i], bias[i % columns]);
    y[i] = relu && sum < 0.0f ? 0.0f : sum;
  }
};

}  // namespace

void Transpose(std::int64_t rows, std::int64_t columns, const float* from, float* to,
               DeviceStream& stream) {
  samebits::cuda::ForEach(stream, rows * columns, TransposeOne{rows, columns, from, to});
}

void AddBias(std::int64_t rows, std::int64_t columns, const float* bias, bool relu, float* y,
             DeviceStream& stream) {
  samebits::cuda::ForEach(stream, rows * columns, AddBiasToOne{columns, bias, relu, y});
}

}  // namespace samebits::comparators::cuda
