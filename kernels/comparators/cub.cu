// Sums by CUB, which comes with CUDA's compiler: a block, or many, for every sum. It sums what is
// apart in memory through an iterator, as its users do.
#include <cuda_runtime.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/iterator/transform_output_iterator.h>
#include <cub/device/device_segmented_reduce.cuh>

#include <stdexcept>
#include <string>

#include "kernels/conv2d/conv2d.h"
#include "kernels/cuda/stream.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::comparators::cuda {
namespace {

// Term i of from[images, rows, columns] where the sums over rows follow one another.
struct Term {
  const float* from;
  std::int64_t rows, columns;

  __host__ __device__ float operator()(std::int64_t i) const {
    const std::int64_t row = i % rows, sum = i / rows;
    return from[(sum / columns * rows + row) * columns + sum % columns];
  }
};

struct Begin {
  std::int64_t rows;
  __host__ __device__ std::int64_t operator()(std::int64_t sum) const { return sum * rows; }
};

struct Divide {
  float divisor;
  __host__ __device__ float operator()(float sum) const { return sum / divisor; }
};

// y[image, column] = (sum over the rows) / divisor.
void SumOverRows(std::int64_t images, std::int64_t rows, std::int64_t columns, float divisor,
                 const float* from, float* y, DeviceStream& stream) {
  const thrust::counting_iterator<std::int64_t> count(0);
  const auto terms = thrust::make_transform_iterator(count, Term{from, rows, columns});
  const auto begins = thrust::make_transform_iterator(count, Begin{rows});
  const auto sums = thrust::make_transform_output_iterator(y, Divide{divisor});
  const auto handle = static_cast<cudaStream_t>(stream.handle());
  std::size_t bytes = 0;
  const auto run = [&](void* scratch) {
    const cudaError_t error = cub::DeviceSegmentedReduce::Sum(
        scratch, bytes, terms, sums, images * columns, begins, begins + 1, handle);
    if (error != cudaSuccess) {
      throw std::runtime_error(std::string("CUB: ") + cudaGetErrorString(error));
    }
  };
  run(nullptr);  // only tells how much memory it needs
  run(stream.ScratchBytes(bytes > 0 ? bytes : 1));
}

}  // namespace

void CubColumnSums(const conv2d::Shape& s, const Buffers& buffers, DeviceStream& stream) {
  SumOverRows(1, s.n * s.oh * s.ow, s.k, 1.0f, buffers.in(0), buffers.out(0), stream);
}

void CubGlobalAverageForward(const pool2d::Shape& s, const Buffers& buffers, DeviceStream& stream) {
  SumOverRows(s.n, s.h * s.w, s.c, static_cast<float>(s.h * s.w), buffers.in(0), buffers.out(0),
              stream);
}

}  // namespace samebits::comparators::cuda
