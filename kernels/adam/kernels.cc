// The kernels of Adam.
#include "kernels/adam/adam.h"
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"

namespace samebits::adam {

using Shape = Case;

SAMEBITS_DECLARE_KERNELS(Update)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kUpdate, WholeCase, Update),
};

}  // namespace samebits::adam

std::span<const samebits::Kernel> samebits::rows::Adam() { return adam::kRows; }
