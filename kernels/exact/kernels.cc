// The kernels of the exact tier.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/exact/exact.h"

namespace samebits::exact {

SAMEBITS_DECLARE_KERNELS(Product)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kProduct, ShapeOf, Product),
};

}  // namespace samebits::exact

std::span<const samebits::Kernel> samebits::rows::Exact() { return exact::kRows; }
