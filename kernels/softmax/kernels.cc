// The kernels of softmax.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/softmax/softmax.h"

namespace samebits::softmax {

SAMEBITS_DECLARE_KERNELS(Forward, Backward, CrossEntropyForward, CrossEntropyBackward)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kForward, ShapeOf, Forward),
    SAMEBITS_ROWS(kBackward, ShapeOf, Backward),
    SAMEBITS_ROWS(kCrossEntropyForward, ShapeOf, CrossEntropyForward),
    SAMEBITS_ROWS(kCrossEntropyBackward, ShapeOf, CrossEntropyBackward),
};

}  // namespace samebits::softmax

std::span<const samebits::Kernel> samebits::rows::Softmax() { return softmax::kRows; }
