// The kernels of conv2d.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/rows.h"
#include "kernels/core/rows.h"

namespace samebits::conv2d {

constexpr Kernel kRows[] = {
    SAMEBITS_TILED_ROWS(kForward, ShapeOf, Forward),
    SAMEBITS_TILED_ROWS(kDataGradient, ShapeOf, DataGradient),
    SAMEBITS_TILED_ROWS(kWeightGradient, ShapeOf, WeightGradient),
    SAMEBITS_ROWS(kBiasGradient, ShapeOf, BiasGradient),
};

}  // namespace samebits::conv2d

std::span<const samebits::Kernel> samebits::rows::Conv2d() { return conv2d::kRows; }
