// Random tensors as Keras' initializers draw them, of a stream that is a pure function of
// (draw, call) and of how many elements there are.
//
// Case: n (elements), call; input "stream" = (draw, call), draw the case's seed. mean and spread,
// in millionths of 1, are input "range": (mean - spread, mean + spread) for random_uniform_v1, else
// (mean, spread). Word "tensorflow": the stream keras-tensorflow, else keras-jax
// (model/streams/stream.h; words as kernels/dropout/dropout.h has them).
//
//   random_uniform_v1
//     keras-jax         max(low, fma(u, high - low, low)), u = the word's high 23 bits / 2^23
//     keras-tensorflow  u * (high - low) + low, two roundings, u of its low 23 bits
//   random_normal_v1    z * spread + mean, two roundings
//     keras-jax         z = sqrt(2) * erfinv(v), v uniform between -1 and 1, both left out
//     keras-tensorflow  four z of a block's four words, by Box and Muller's method
//   random_truncated_normal_v1  likewise, z within (-2, 2)
//     keras-jax         v uniform within erf(+-sqrt(2)), z no further out than the float before 2
//     keras-tensorflow  group i of four takes what lies within from blocks 256 i, 256 i + 1, ...
//
// Logarithms, sines and erfinv are those of kernels/math/stream_functions.h.
#pragma once

#include "kernels/core/op.h"

namespace samebits::initializer {

struct Shape {
  std::int64_t n;
  bool tensorflow;
};

// Throws UserError when there are no elements, or 2^32 - 1 or more.
Shape ShapeOf(const Case& c);

extern const Op kUniform;
extern const Op kNormal;
extern const Op kTruncatedNormal;

}  // namespace samebits::initializer
