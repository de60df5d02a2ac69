// Rows of conv2d's kernels, which compute dense too.
#pragma once

#include "kernels/conv2d/tiled.h"
#include "kernels/core/row_macros.h"

namespace samebits::conv2d {

SAMEBITS_DECLARE_KERNELS(Forward, DataGradient, WeightGradient, BiasGradient)

// An ISA's micro-kernels (kernels/tile) under the loops of tiled.cc.
template <auto shape_of, auto function, const tile::MicroKernels& micro>
void Tiled(const Case& c, const Buffers& buffers, Team& team) {
  function(micro, shape_of(c), buffers, team);
}

}  // namespace samebits::conv2d

// As SAMEBITS_ROWS, with the micro-kernels in place of the plain source built for each ISA.
#define SAMEBITS_TILED_ROWS(op, shape_of, function)                                               \
  SAMEBITS_PLAIN_ROWS(op, shape_of, function),                                                    \
      RowOf(op, "avx2", kCpuAvx2, conv2d::Tiled<shape_of, conv2d::tiled::function, tile::kAvx2>), \
      RowOf(op, "avx512", kCpuAvx512,                                                             \
            conv2d::Tiled<shape_of, conv2d::tiled::function, tile::kAvx512>),                     \
      RowOf(op, "avx512_on_avx2", kCpuAvx2,                                                       \
            conv2d::Tiled<shape_of, conv2d::tiled::function, tile::kAvx512OnAvx2>),               \
      RowOf(op, "neon", kCpuNeon, conv2d::Tiled<shape_of, conv2d::tiled::function, tile::kNeon>), \
      SAMEBITS_GPU_ROWS(op, shape_of, function)
