// Dropout by a stream of masks that is a pure function of (draw, call, element, elements).
//
// Case: n (elements of the global batch), rate (millionths: rate200000 is 0.2), draw (the layer's
// seed) and call (training batches before this one) of the case, handed to the kernel as input
// "stream" = (draw, call), so that a training step need not build a case. Word "tensorflow": the
// stream keras-tensorflow, else keras-jax. Where n are only some elements of a larger batch: first
// (the index of the first) and of (the batch's elements); below, i and n are then those of the
// batch.
//
//   dropout_fwd_v1     y = x * scale where kept, else +0; scale = (float)(1.0 / (1.0 - rate))
//   dropout_bwd_v1     dx = dy * scale where kept, else +0
//
// A mask that serves more than once, as those of a training step do, is made once:
//
//   dropout_mask_v1    kept[i] = 1 where kept, else 0; input stream
//   dropout_masked_v1  y = x * scale where kept[i] is not 0, else +0; inputs x, kept
//
// Stream keras-jax: word i of n is Threefry-2x32-20 with key (draw, call) in the legacy layout:
// h = ceil(n/2), counters (i, h+i) give words i and h+i (the last counter is 0 when n is odd).
// Kept where the word's high 23 bits, as the fraction of a float in [1, 2) less 1, are below
// f32(1 - rate).
//
// Stream keras-tensorflow: word i is word i % 4 of block i / 4 of the Philox4x32-10 stream of seed
// (draw, call) (kernels/core/philox.h). Kept where the word's low 23 bits, as such a fraction, are
// not below f32(rate).
#pragma once

#include "kernels/core/op.h"

namespace samebits::dropout {

struct Shape {
  std::int64_t n;
  std::int64_t first, of;  // elements [first, first + n) of so many
  float scale;
  bool tensorflow;
  std::uint32_t keep_below;  // KeepBound of the rate, of the stream keras-jax
  std::uint32_t keep_from;   // DropBound of the rate, of the stream keras-tensorflow
};

// An element is kept where word >> 9 is below this bound: with k = word >> 9 and u = k / 2^23
// exactly, u < f32(1 - rate) is k < ceil(2^23 * f32(1 - rate)). 0 <= rate <= 1.
std::uint32_t KeepBound(double rate);

// An element is kept where word & 0x7FFFFF reaches this bound: u >= f32(rate), likewise.
std::uint32_t DropBound(double rate);

// The words that fix the stream keras-tensorflow of input "stream": out of line, so that files of
// an ISA share no code for it.
struct PhiloxWords {
  std::uint32_t key0, key1, high0, high1;
};
PhiloxWords PhiloxWordsOf(const std::int64_t* stream);

// Throws UserError when there are no elements, 2^32 or more, or the rate is not in [0, 1).
Shape ShapeOf(const Case& c);

extern const Op kForward;
extern const Op kBackward;
extern const Op kMask;
extern const Op kMasked;

}  // namespace samebits::dropout
