// Eigen 3.4: a matrix product; for conv2d of an im2col matrix, which is part of the time.
#include <Eigen/Core>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits::comparators {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Input = Eigen::Map<const Matrix>;
using Bias = Eigen::Map<const Eigen::RowVectorXf>;

// y = a * b + bias, by row; relu where asked for.
void MultiplyAndAdd(const float* a, const float* b, const float* bias, float* y, std::int64_t m,
                    std::int64_t k, std::int64_t n, bool relu, int threads) {
  Eigen::setNbThreads(threads);
  Eigen::Map<Matrix> out(y, m, n);
  out.noalias() = Input(a, m, k) * Input(b, k, n);
  out.rowwise() += Bias(bias, n);
  if (relu) out = out.cwiseMax(0.0f);
}

// Rows (n, oh, ow), columns (kh, kw, ic), absent taps 0.
const float* Im2col(const conv2d::Shape& s, const float* x, Team& team) {
  const std::int64_t columns = s.r * s.s * s.c;
  float* const matrix = Scratch(ScratchSlot::kGradient, s.n * s.oh * s.ow * columns);
  team.Run(s.n * s.oh, [&](std::int64_t line) {
    const std::int64_t n = line / s.oh, oh = line % s.oh;
    float* to = matrix + line * s.ow * columns;
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      for (std::int64_t kh = 0; kh < s.r; ++kh) {
        const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
        for (std::int64_t kw = 0; kw < s.s; ++kw, to += s.c) {
          const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
          const bool present = ih >= 0 && ih < s.h && iw >= 0 && iw < s.w;
          const float* const from = x + ((n * s.h + ih) * s.w + iw) * s.c;
          for (std::int64_t ic = 0; ic < s.c; ++ic) to[ic] = present ? from[ic] : 0.0f;
        }
      }
    }
  });
  return matrix;
}

}  // namespace

namespace eigen {

void DenseForward(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  MultiplyAndAdd(buffers.in(0), buffers.in(1), buffers.in(2), buffers.out(0), s.n, s.c, s.k, s.relu,
                 team.size());
}

void DenseDataGradient(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Eigen::setNbThreads(team.size());
  Eigen::Map<Matrix> dx(buffers.out(0), s.n, s.c);
  dx.noalias() = Input(buffers.in(0), s.n, s.k) * Input(buffers.in(1), s.c, s.k).transpose();
}

void DenseWeightGradient(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Eigen::setNbThreads(team.size());
  Eigen::Map<Matrix> dw(buffers.out(0), s.c, s.k);
  dw.noalias() = Input(buffers.in(0), s.n, s.c).transpose() * Input(buffers.in(1), s.n, s.k);
}

void Conv2dForward(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = conv2d::ShapeOf(id);
  MultiplyAndAdd(Im2col(s, buffers.in(0), team), buffers.in(1), buffers.in(2), buffers.out(0),
                 s.n * s.oh * s.ow, s.r * s.s * s.c, s.k, s.relu, team.size());
}

}  // namespace eigen

}  // namespace samebits::comparators
