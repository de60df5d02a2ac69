// The kernels of the recurrent layer.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/rnn/rnn.h"

namespace samebits::rnn {

SAMEBITS_DECLARE_KERNELS(Forward, Backward, StepMask)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kForward, ShapeOf, Forward),
    SAMEBITS_ROWS(kBackward, ShapeOf, Backward),
    SAMEBITS_ROWS(kStepMask, MaskShapeOf, StepMask),
};

}  // namespace samebits::rnn

std::span<const samebits::Kernel> samebits::rows::Rnn() { return rnn::kRows; }
