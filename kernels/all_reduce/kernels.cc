// The kernels of the tree over the leaves.
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"

namespace samebits::all_reduce {

SAMEBITS_DECLARE_KERNELS(AllReduce)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kAllReduce, ShapeOf, AllReduce),
};

}  // namespace samebits::all_reduce

std::span<const samebits::Kernel> samebits::rows::AllReduce() { return all_reduce::kRows; }
