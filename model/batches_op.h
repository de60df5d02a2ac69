// The data pipeline as an operation, so that plan, gate, goldens and prices hold for it too.
//
// Case: n (images) h w (their rows and columns), b (batch), buffer (of the shuffle, the first one
// after the seed is set), passes; word "order", "buffer" or "free" for what the kernel "free"
// leaves to chance (below), which no other kernel heeds.
//
//   image_batches_v1  images and labels in the order of the shuffle's iterators 0, 2, 4, ..., each
//                     image / 255 and resized to 32 x 32 (model/data/preprocess.h)
//                     inputs images[n,h,w], labels[n], bytes
//                     outputs y[passes,n,32,32], classes[passes,n]
#pragma once

#include "kernels/core/op.h"

namespace samebits {

extern const Op kImageBatches;

}  // namespace samebits
