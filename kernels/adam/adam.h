// Adam, in Keras' order: every line below is one rounded binary32 operation after the other.
//
// Case: n (weights) t (step, counted from 1, of the case). Inputs w, m, v, g, step[1]; outputs
// w, m, v, which may be the same memory as the inputs. Rate .001f, beta_1 .9f, beta_2 .999f,
// epsilon 1e-7f; beta^t is the correctly rounded power (kernels/math/power.h). With bfloat16 or
// float16 (kernels/convert/stored.h) g alone lies in 16 bits, and with down it is taken times
// 2^-down, as of a scaled loss: w, m and v are the masters.
//
//   alpha = (rate * sqrt(1 - beta_2^t)) / (1 - beta_1^t)
//   m = m + (g - m) * .1f
//   v = v + (g * g - v) * .001f
//   w = w - (m * alpha) / (sqrt(v) + epsilon)
//
// Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, section 2, last
// paragraph (the efficient order), as written in Keras 3.
#pragma once

#include "kernels/core/op.h"

namespace samebits::adam {

inline constexpr float kRate = 0.001f;
inline constexpr float kBeta1 = 0.9f;
inline constexpr float kBeta2 = 0.999f;
inline constexpr float kGain1 = 0.1f;    // f32(1 - .9), the difference taken in binary64
inline constexpr float kGain2 = 0.001f;  // f32(1 - .999), likewise
inline constexpr float kEpsilon = 1e-7f;

// The step size of step t >= 1, bias correction included.
float Alpha(std::int64_t t);

extern const Op kUpdate;

}  // namespace samebits::adam
