// The tree over the leaves, a thread an element.
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/cuda/arithmetic.h"

namespace samebits::all_reduce::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct TreeOf {
  Shape s;
  const float* x;
  float* y;

  __device__ void operator()(std::int64_t i) const {
    gpu::Fold tree;
    for (std::int64_t n = 0; n < s.n; ++n) tree.Add(x[n * s.c + i]);
    y[i] = tree.Result();
  }
};

}  // namespace

void AllReduce(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  gpu::ForEach(stream, s.c, TreeOf{s, buffers.in(0), buffers.out(0)});
}

}  // namespace samebits::all_reduce::SAMEBITS_GPU
