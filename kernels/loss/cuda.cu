// The losses, half a warp a sample.
#include "kernels/cuda/arithmetic.h"
#include "kernels/cuda/math.h"
#include "kernels/loss/loss.h"

namespace samebits::loss::SAMEBITS_GPU {
namespace {

namespace gpu = samebits::SAMEBITS_GPU;

struct SquaredErrorTerm {
  const float *y, *t;
  __device__ float operator()(std::int64_t i) const {
    const float d = __fsub_rn(y[i], t[i]);
    return __fmul_rn(d, d);
  }
  __device__ float Gradient(std::int64_t i) const { return __fmul_rn(2.0f, __fsub_rn(y[i], t[i])); }
  __device__ SquaredErrorTerm From(std::int64_t first) const { return {y + first, t + first}; }
};

struct CrossEntropyTerm {
  const float *x, *t;
  __device__ float operator()(std::int64_t i) const {
    const float positive = x[i] > 0.0f || x[i] != x[i] ? x[i] : 0.0f;
    const float negative = __int_as_float(__float_as_int(x[i]) | static_cast<int>(0x80000000U));
    return __fadd_rn(__fsub_rn(positive, __fmul_rn(x[i], t[i])),
                     gpu::Log(__fadd_rn(1.0f, gpu::Exp(negative))));
  }
  __device__ float Gradient(std::int64_t i) const {
    return __fsub_rn(1.0f / __fadd_rn(1.0f, gpu::Exp(-x[i])), t[i]);
  }
  __device__ CrossEntropyTerm From(std::int64_t first) const { return {x + first, t + first}; }
};

template <class Term>
struct LossRow {
  std::int64_t c;
  Term term;  // of the whole batch
  float elements;
  float* sums;
  float* gradient;

  __device__ void operator()(std::int64_t n) const {
    const float sum = gpu::RowSum(c, term.From(n * c));
    if (gpu::RowLane() == 0) sums[n] = sum;
    for (std::int64_t i = n * c + gpu::RowLane(); i < (n + 1) * c; i += gpu::kRowLanes) {
      gradient[i] = term.Gradient(i) / elements;
    }
  }
};

template <class Term>
void MeanOf(const Term& term, const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  float* const sums = stream.Scratch(s.n);
  gpu::ForEachRow(stream, s.n, LossRow<Term>{s.c, term, s.elements, sums, buffers.out(1)});
  gpu::MeanOverBatch(stream, sums, s.n, s.leaves, s.is_part ? 1.0f : s.elements, buffers.out(0));
}

}  // namespace

void MeanSquaredError(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  MeanOf(SquaredErrorTerm{buffers.in(0), buffers.in(1)}, s, buffers, stream);
}

void BinaryCrossEntropy(const Shape& s, const Buffers& buffers, DeviceStream& stream) {
  MeanOf(CrossEntropyTerm{buffers.in(0), buffers.in(1)}, s, buffers, stream);
}

}  // namespace samebits::loss::SAMEBITS_GPU
