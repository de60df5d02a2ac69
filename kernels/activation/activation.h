// Elementwise functions.
//
// Case: n (elements).
//
//   relu_fwd_v1     y = NaN if x is NaN, x if x > 0, else +0
//   relu_bwd_v1     dx = dy where y > 0, else +0, by select; inputs y, dy
//   sigmoid_fwd_v1  y = 1 / (1 + exp(-x))
//   sigmoid_bwd_v1  dx = dy * (y * (1 - y)); inputs y, dy
//   tanh_fwd_v1     y = tanh(x), correctly rounded (kernels/math/tanh.h)
//   tanh_bwd_v1     dx = dy * (1 - y * y); inputs y, dy
//   exp_v1          e^x, correctly rounded (kernels/math/exp.h)
//   log_v1          ln x, correctly rounded (kernels/math/log.h)
#pragma once

#include "kernels/core/op.h"

namespace samebits::activation {

extern const Op kReluForward;
extern const Op kReluBackward;
extern const Op kSigmoidForward;
extern const Op kSigmoidBackward;
extern const Op kTanhForward;
extern const Op kTanhBackward;
extern const Op kExp;
extern const Op kLog;

}  // namespace samebits::activation
