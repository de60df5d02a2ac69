// The loops around the micro-kernels: many dots that share their B, blocked for the caches and
// parted between threads. Only whole outputs are parted, so no bit depends on blocks or threads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/tile/tile.h"

namespace samebits::tile {

// What a task should hold at least: waking a thread takes as long as half a million operations.
inline constexpr double kTaskFlops = 5e5;
inline constexpr std::int64_t kTaskFloats = 32 * 1024;  // of copies

// The tiles for so many rows of A and outputs: as few idle lanes as can be.
const MicroKernels& Fitting(const MicroKernels& micro, std::int64_t rows, std::int64_t outputs);
// The same for Multiply, which is faster by wide tiles where outputs are few, or rows of A.
const MicroKernels& FittingMultiply(const MicroKernels& micro, std::int64_t rows,
                                    std::int64_t outputs);

// B in panels of `columns` outputs, packed (the last filled up with +0), or where it lies (the last
// reaching back into the one before): term k of chain c and panel p begins at PanelOf(c, p) +
// (k - 256 c) * step, and its first output is ColumnOf(p).
struct PackedB {
  const float* data;
  const float* bias;  // + 0.0f, filled up like the panels; 0 where there is none
  std::int64_t terms, outputs, columns;
  std::int64_t step;  // columns where packed

  std::int64_t panels() const { return (outputs + columns - 1) / columns; }
  std::int64_t chains() const;
  std::int64_t ColumnOf(std::int64_t panel) const;
  const float* PanelOf(std::int64_t chain, std::int64_t panel) const;
};

// b(k, j) = source[k / inner * outer_step + k % inner * inner_step + j * column_step].
struct SourceB {
  const float* source;
  std::int64_t inner, outer_step, inner_step, column_step;
};

// For `rows` rows of A: what so few use only once or twice is not packed. The packed copy lasts
// until the calling thread packs again.
PackedB Pack(const MicroKernels& micro, const SourceB& source, std::int64_t terms,
             std::int64_t outputs, const float* bias, std::int64_t rows, Team& team);

// A grid of rows of A whose chains have the same runs, and where their outputs go. Row (i, j, k)
// reads at a + i*a_step[0] + j*a_step[1] + k*a_step[2].
struct Grid {
  const float* a;
  float* out;
  std::array<std::int64_t, 3> extent;
  std::array<std::int64_t, 3> a_step;
  std::array<std::int64_t, 3> out_step;
  std::vector<Run> runs;                // of all chains
  std::vector<std::int64_t> chain_end;  // chain c has the runs [chain_end[c-1], chain_end[c])

  std::int64_t rows() const { return extent[0] * extent[1] * extent[2]; }
  // Rows that go on evenly from one inner extent to the next become one inner extent.
  void MergeExtents();
  // Adds `terms` present terms at index `term` of the dot; parts them at the borders of chains.
  // `step` is that of B.
  void AddTerms(std::int64_t term, std::int64_t a_offset, std::int64_t terms, std::int64_t step);
  // Ends the list: there are `chains` of them, the last ones perhaps without a term.
  void Close(std::int64_t chains);
};

// out[row][j] = relu?(dot over k of a[row][k] * b[k][j], + bias[j]) for every row of every grid.
void Multiply(const MicroKernels& micro, std::span<const Grid> grids, const PackedB& b, bool relu,
              Team& team);

}  // namespace samebits::tile
