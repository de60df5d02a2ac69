// The kernels of the losses.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/loss/loss.h"

namespace samebits::loss {

SAMEBITS_DECLARE_KERNELS(MeanSquaredError, BinaryCrossEntropy)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kMeanSquaredError, ShapeOf, MeanSquaredError),
    SAMEBITS_ROWS(kBinaryCrossEntropy, ShapeOf, BinaryCrossEntropy),
};

}  // namespace samebits::loss

std::span<const samebits::Kernel> samebits::rows::Loss() { return loss::kRows; }
