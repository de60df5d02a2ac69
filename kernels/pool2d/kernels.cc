// The kernels of pooling.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits::pool2d {

SAMEBITS_DECLARE_KERNELS(MaxForward, MaxBackward, MaxArgmaxForward, MaxArgmaxBackward,
                         AverageForward, AverageBackward, GlobalAverageForward,
                         GlobalAverageBackward)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kMaxForward, ShapeOf, MaxForward),
    SAMEBITS_ROWS(kMaxBackward, ShapeOf, MaxBackward),
    SAMEBITS_ROWS(kMaxArgmaxForward, ArgmaxShapeOf, MaxArgmaxForward),
    SAMEBITS_ROWS(kMaxArgmaxBackward, ArgmaxShapeOf, MaxArgmaxBackward),
    SAMEBITS_ROWS(kAverageForward, ShapeOf, AverageForward),
    SAMEBITS_ROWS(kAverageBackward, ShapeOf, AverageBackward),
    SAMEBITS_ROWS(kGlobalAverageForward, ShapeOf, GlobalAverageForward),
    SAMEBITS_ROWS(kGlobalAverageBackward, ShapeOf, GlobalAverageBackward),
};

}  // namespace samebits::pool2d

std::span<const samebits::Kernel> samebits::rows::Pool2d() { return pool2d::kRows; }
