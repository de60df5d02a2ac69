// The kernels of the conversions.
#include "kernels/convert/convert.h"
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"

namespace samebits::convert {

SAMEBITS_DECLARE_KERNELS(Narrow, Widen)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kNarrow, ShapeOf, Narrow),
    SAMEBITS_ROWS(kWiden, ShapeOf, Widen),
};

}  // namespace samebits::convert

std::span<const samebits::Kernel> samebits::rows::Convert() { return convert::kRows; }
