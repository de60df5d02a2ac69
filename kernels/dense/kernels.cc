// The kernels of dense: those of conv2d for images of one pixel, and a reference of its own.
#include "kernels/conv2d/rows.h"
#include "kernels/core/rows.h"
#include "kernels/dense/dense.h"

namespace samebits::dense {

namespace reference {  // reference.cc
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace baseline = conv2d::baseline;
namespace avx2 = conv2d::avx2;
namespace avx512 = conv2d::avx512;
namespace cuda = conv2d::cuda;
namespace cuda_emulated = conv2d::cuda_emulated;

constexpr Kernel kRows[] = {
    SAMEBITS_TILED_ROWS(kForward, ShapeOf, Forward),
    SAMEBITS_TILED_ROWS(kDataGradient, ShapeOf, DataGradient),
    SAMEBITS_TILED_ROWS(kWeightGradient, ShapeOf, WeightGradient),
    SAMEBITS_ROWS(kBiasGradient, ShapeOf, BiasGradient),
};

}  // namespace samebits::dense

std::span<const samebits::Kernel> samebits::rows::Dense() { return dense::kRows; }
