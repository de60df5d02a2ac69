// The kernels of the elementwise functions.
#include "kernels/activation/activation.h"
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"

namespace samebits::activation {

using Shape = Case;

SAMEBITS_DECLARE_KERNELS(ReluForward, ReluBackward, SigmoidForward, SigmoidBackward, TanhForward,
                         TanhBackward, Exp, Log)

constexpr Kernel kRows[] = {
    SAMEBITS_ROWS(kReluForward, WholeCase, ReluForward),
    SAMEBITS_ROWS(kReluBackward, WholeCase, ReluBackward),
    SAMEBITS_ROWS(kSigmoidForward, WholeCase, SigmoidForward),
    SAMEBITS_ROWS(kSigmoidBackward, WholeCase, SigmoidBackward),
    SAMEBITS_ROWS(kTanhForward, WholeCase, TanhForward),
    SAMEBITS_ROWS(kTanhBackward, WholeCase, TanhBackward),
    SAMEBITS_ROWS(kExp, WholeCase, Exp),
    SAMEBITS_ROWS(kLog, WholeCase, Log),
};

}  // namespace samebits::activation

std::span<const samebits::Kernel> samebits::rows::Activation() { return activation::kRows; }
