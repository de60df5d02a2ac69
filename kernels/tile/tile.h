// Micro-kernels: one tile of outputs in registers, one chain of terms at a time.
//
// A tile is up to `rows` x `columns` outputs. Its chain is given as runs of consecutive present
// terms; absent terms lie between the runs. For every output (i, j) of the tile
//   acc = +0, then acc = fma(a_i(k), b_j(k), acc) over the runs' terms in order,
//   acc = merge[0] + acc, acc = merge[1] + acc, ... (the waiting sums of this output),
// and either acc waits in `partial` (rows of `columns` floats), or the dot ends here and
//   acc = acc + bias[j], then relu when asked for,
// where `bias` is the operation's bias + 0.0f, or 0 where there is none. That one add is the
// contract's two, acc + 0.0f and + bias: they differ only for acc = bias = -0, and no bias is -0
// here.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/core/contract.h"
#include "kernels/core/target.h"

namespace samebits::tile {

inline constexpr int kMostRows = 12;       // of any tile
inline constexpr int kMostColumns = 64;    // of any tile
inline constexpr std::int64_t kLine = 16;  // floats of a cache line
// Rows of A that are copied for a chain lie so many floats apart: neighbours in different sets.
inline constexpr std::int64_t kCopyStep = kChain + kLine;
inline constexpr int kMostLeafLevels = 6;  // of by_leaves: 64 leaves
inline constexpr int kMostMerges = 48;     // a segment, and a tree of 2^47 segments

struct Run {
  std::int64_t a;  // offset of the first term in A, in floats
  std::int64_t b;  // offset of the first term's row in the panel of B, in floats
  std::int64_t terms;
};

struct Term {
  std::int64_t a, b;  // offsets in A and in the panel of B, in floats
};

// The terms of a strip's dots, [begin, end).
struct Terms {
  const Term *begin, *end;
  std::int64_t last_run;    // the offset in A of its first term
  std::int64_t fetch_step;  // see Chain
};

struct Chain {
  const Run* runs;
  std::int64_t count;
  const float* panel;       // of B: `columns` floats a term
  std::int64_t panel_step;  // from one term's row to the next, in floats
  // What later calls read is fetched meanwhile, a line a term, the next one `fetch_step` floats on.
  // Spread so thin it costs nothing; a tile's worth at once would wait. by_columns and by_copies
  // begin at `fetch`; by_rows where the last row ends its run, if it fetches at all.
  const float* fetch = nullptr;
  std::int64_t fetch_step = 0;
};

struct Finish {
  const float* merge[kMostMerges];
  int merges = 0;
  float* partial = nullptr;  // null: the dot ends here
  float* const* rows;        // row i of the finished tile goes to rows[i] + column
  std::int64_t column = 0;
  std::int64_t outputs = kMostColumns;  // so many floats of it, and no more than `columns`
  const float* bias;                    // `columns` floats, none of them -0
  bool relu = false;
};

// A is addressed as row pointers, a_i(k) = rows[i][k], or as one pointer to neighbouring rows,
// a_i(k) = a[k * step + i].
struct MicroKernels {
  int rows, columns;  // at most kMostRows and kMostColumns
  int vectors;        // that make the columns
  // Indexed by the rows in use, less 1.
  void (*by_rows[kMostRows])(const float* const* rows, const Chain&, const Finish&);
  // Tiles one after the other, whose dots have these terms of one chain: where chains are short,
  // calls and runs cost. Rows are evenly spaced, a_i(k) = a[i * a_step + k], and so are those of
  // `out`. The next tile's rows are fetched meanwhile, and the lines of outputs `ahead` floats on
  // where that is not 0.
  void (*strip[kMostRows])(const float* a, std::int64_t a_step, float* out, std::int64_t out_step,
                           std::int64_t ahead, std::int64_t tiles, const Terms&, const float* panel,
                           const Finish&);
  void (*by_columns[kMostRows])(const float* a, std::int64_t step, const Chain&, const Finish&);
  // The same for a_i(k) = a[k * step + i * kCopyStep].
  void (*by_copies[kMostRows])(const float* a, std::int64_t step, const Chain&, const Finish&);
  // The tree over leaves of one chain each, in one call: leaf l has the terms [ends[l - 1],
  // ends[l]), evenly spaced in both, a_i(k) = a[k * step + i]; merges nothing else.
  void (*by_leaves[kMostRows])(const float* a, std::int64_t step, const float* panel,
                               std::int64_t panel_step, const std::int64_t* ends,
                               std::int64_t leaves, const Finish&);
  // Copies `terms` rows of so many outputs, `step` floats apart, into panels of `columns`, the last
  // filled up with +0: panel p of term k goes to to + p * panel_floats + k * columns.
  void (*pack)(const float* from, std::int64_t step, std::int64_t terms, std::int64_t outputs,
               float* to, std::int64_t panel_floats);
  const MicroKernels* narrow;  // tiles of fewer columns, for as few outputs; may be null
  const MicroKernels* wide;    // tiles of fewer rows and more columns; may be null
};

SAMEBITS_X86_64 extern const MicroKernels kAvx2;
SAMEBITS_X86_64 extern const MicroKernels kAvx512;
SAMEBITS_X86_64 extern const MicroKernels kAvx512OnAvx2;  // its tiles, on pairs of AVX2 vectors
SAMEBITS_ARM64 extern const MicroKernels kNeon;

}  // namespace samebits::tile
