// The kernels of embedding.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/embedding/embedding.h"

namespace samebits::embedding {

SAMEBITS_DECLARE_KERNELS(Forward, Backward)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kForward, ShapeOf, Forward),
    SAMEBITS_ROWS(kBackward, ShapeOf, Backward),
};

}  // namespace samebits::embedding

std::span<const samebits::Kernel> samebits::rows::Embedding() { return embedding::kRows; }
