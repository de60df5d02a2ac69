// conv2d on an ISA's micro-kernels, without an im2col buffer: a row of A is a pointer to a pixel,
// the runs of a chain are its present taps. Pixels with the same present taps share their runs, so
// padding costs no multiplication and an infinity never meets a zero that is not there.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/team.h"
#include "kernels/tile/tile.h"

namespace samebits::conv2d::tiled {

void Forward(const tile::MicroKernels&, const Shape&, const Buffers&, Team&);
void DataGradient(const tile::MicroKernels&, const Shape&, const Buffers&, Team&);
void WeightGradient(const tile::MicroKernels&, const Shape&, const Buffers&, Team&);

}  // namespace samebits::conv2d::tiled
