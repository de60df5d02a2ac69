// The kernels of dropout. Forward and backward are the same function.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout {

SAMEBITS_DECLARE_KERNELS(Apply, Mask, Masked)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kForward, ShapeOf, Apply),
    SAMEBITS_ROWS(kBackward, ShapeOf, Apply),
    SAMEBITS_ROWS(kMask, ShapeOf, Mask),
    SAMEBITS_ROWS(kMasked, ShapeOf, Masked),
};

}  // namespace samebits::dropout

std::span<const samebits::Kernel> samebits::rows::Dropout() { return dropout::kRows; }
