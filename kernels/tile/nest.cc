#include "kernels/tile/nest.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "kernels/core/contract.h"
#include "kernels/core/scratch.h"
#include "kernels/tile/fold.h"

namespace samebits::tile {
namespace {

// A block keeps its waiting sums (256 KiB at most) and its rows of A (192 of 256 terms: 192 KiB) in
// a level-2 cache.
constexpr std::int64_t kBlockFloats = 48 * 1024;
constexpr std::int64_t kFewestRows = 48;
constexpr std::int64_t kMostBlockRows = 192;

struct Block {
  const Grid* grid;
  std::int64_t row, rows;  // of the grid
  std::int64_t panel, panels;
};

std::int64_t RowsOf(std::span<const Grid> grids) {
  std::int64_t rows = 0;
  for (const Grid& grid : grids) rows += grid.rows();
  return rows;
}

// Rows that have no term in common are streams, each read once where one panel holds all outputs. A
// machine follows some of them to their ends: where they are long and only B stays in a level-2
// cache, blocks are no higher (256 x 8192 x 16: 5 % less time).
constexpr std::int64_t kStreamRows = 32;
constexpr std::int64_t kStreamTerms = 8 * kChain;
constexpr std::int64_t kStreamFloats = 384 * 1024;         // of A, that do not stay
constexpr std::int64_t kFloatsBesideStreams = 128 * 1024;  // of B, that do

bool ReadsStreams(const Grid& grid, const PackedB& b) {
  return b.panels() == 1 && b.terms >= kStreamTerms && grid.a_step[2] >= b.terms &&
         grid.rows() * b.terms > kStreamFloats && b.terms * b.columns <= kFloatsBesideStreams;
}

std::vector<Block> BlocksOf(const MicroKernels& micro, std::span<const Grid> grids,
                            const PackedB& b, int threads) {
  const std::int64_t panels = b.panels(), last = panels - 1, rows = RowsOf(grids);
  const std::int64_t most_panels = kBlockFloats / (kFewestRows * micro.columns);
  const std::int64_t wanted = threads == 1 ? 1 : 4 * threads;  // blocks
  std::int64_t panel_parts = (panels + most_panels - 1) / most_panels;
  // Every block reads all of what is not parted: threads part what is the larger.
  const bool few_rows = rows < b.outputs;
  if (few_rows) {
    const std::int64_t parts = wanted / ((rows + kMostBlockRows - 1) / kMostBlockRows);
    panel_parts = std::clamp(std::max<std::int64_t>(parts, threads), panel_parts, panels);
  }
  std::int64_t most = kBlockFloats / ((panels + panel_parts - 1) / panel_parts * micro.columns);
  if (!few_rows || panels < threads) most = std::min(most, rows * panel_parts / wanted);
  most = std::clamp<std::int64_t>(most, micro.rows, kMostBlockRows);
  // The last panel may share outputs with the one before: one thread writes both.
  const bool shares = b.ColumnOf(last) < last * b.columns;
  const auto first_panel = [&](std::int64_t part) {
    return part == panel_parts ? panels : std::min(panels * part / panel_parts, last - shares);
  };
  std::vector<Block> blocks;
  for (std::int64_t part = 0; part < panel_parts; ++part) {
    const std::int64_t panel = first_panel(part), count = first_panel(part + 1) - panel;
    if (count == 0) continue;
    for (const Grid& grid : grids) {
      const std::int64_t height = ReadsStreams(grid, b) ? std::min(most, kStreamRows) : most;
      const std::int64_t row_parts = (grid.rows() + height - 1) / height;
      for (std::int64_t i = 0; i < row_parts; ++i) {
        const std::int64_t row = grid.rows() * i / row_parts;
        blocks.push_back({&grid, row, grid.rows() * (i + 1) / row_parts - row, panel, count});
      }
    }
  }
  return blocks;
}

// Where the rows [first, first + count) of a grid read and write.
void PlaceRows(const Grid& grid, std::int64_t first, std::int64_t count, const float** a,
               float** out) {
  const std::int64_t inner = grid.extent[2], middle = grid.extent[1];
  std::int64_t k = first % inner, j = first / inner % middle, i = first / inner / middle;
  for (std::int64_t row = 0; row < count; k = 0) {
    const float* from = grid.a + i * grid.a_step[0] + j * grid.a_step[1] + k * grid.a_step[2];
    float* to = grid.out + i * grid.out_step[0] + j * grid.out_step[1] + k * grid.out_step[2];
    for (; k < inner && row < count; ++k, ++row) {
      a[row] = from;
      out[row] = to;
      from += grid.a_step[2];
      to += grid.out_step[2];
    }
    if (++j == middle) j = 0, ++i;
  }
}

// The chain's terms of all rows, copied side by side.
class RowCopies {
 public:
  explicit RowCopies(const Grid& grid) : runs_(grid.runs.size()) {}

  // `chain` of the rows at `a`; its runs become those of the copies.
  void Copy(const float* const* a, std::int64_t rows, Chain& chain) {
    copies_ = Scratch(ScratchSlot::kRows, rows * kCopyStep);
    std::int64_t terms = 0, runs = 0;
    for (std::int64_t r = 0; r < chain.count; ++r) {
      const Run& run = chain.runs[r];
      for (std::int64_t row = 0; row < rows; ++row) {
        std::memcpy(copies_ + row * kCopyStep + terms, a[row] + run.a,
                    static_cast<std::size_t>(run.terms) * sizeof(float));
      }
      Run* const last = runs == 0 ? nullptr : &runs_[static_cast<std::size_t>(runs - 1)];
      if (last != nullptr && last->b + last->terms * chain.panel_step == run.b) {
        last->terms += run.terms;
      } else {
        runs_[static_cast<std::size_t>(runs++)] = {terms, run.b, run.terms};
      }
      terms += run.terms;
    }
    chain.runs = runs_.data(), chain.count = runs;
  }

  const float* row(std::int64_t i) const { return copies_ + i * kCopyStep; }

 private:
  float* copies_ = nullptr;
  std::vector<Run> runs_;
};

// Rows a multiple of 4 KiB apart meet in the same sets of a level-1 cache, and of level 2 in few.
bool NeighboursShareSets(const Grid& grid) { return grid.a_step[2] % 1024 == 0; }

// From some panels on copies of such rows pay, and of rows that have no term in common. All others
// are read where they lie (3 x 3 of 256 channels: 3 % less time).
constexpr std::int64_t kPanelsWorthCopies = 4;

bool CopiesPay(const Block& block, const PackedB& b) {
  return block.panels >= kPanelsWorthCopies &&
         (NeighboursShareSets(*block.grid) || block.grid->a_step[2] >= b.terms);
}

// The rows of A that a block reads after chain `c`, brought into the cache meanwhile where nothing
// else brings them: for the next chain where no neighbour has, or those of the block that follows
// evenly. A dozen rows at once are no stream that machines fetch ahead.
class NextRows {
 public:
  NextRows(const Block& block, std::int64_t c, const float* const* rows)
      : rows_(rows), count_(block.rows) {
    const Grid& grid = *block.grid;
    if (c + 1 < std::ssize(grid.chain_end)) {
      const std::int64_t run = grid.chain_end[static_cast<std::size_t>(c)];
      if (NeighboursShareSets(grid) && run < grid.chain_end.back()) {
        run_ = &grid.runs[static_cast<std::size_t>(run)];
      }
    } else if (grid.extent[2] >= block.row + 2 * block.rows && !grid.runs.empty()) {
      run_ = &grid.runs.front();
      shift_ = block.rows * grid.a_step[2];
    }
  }

  // The part of one of so many steps.
  void Prefetch(std::int64_t step, std::int64_t steps) const {
    if (run_ == nullptr) return;
    for (std::int64_t i = count_ * step / steps; i < count_ * (step + 1) / steps; ++i) {
      const float* const row = rows_[i] + shift_ + run_->a;
      for (std::int64_t k = 0; k < run_->terms; k += kLine) __builtin_prefetch(row + k, 0, 2);
    }
  }

 private:
  const float* const* rows_;
  std::int64_t count_, shift_ = 0;
  const Run* run_ = nullptr;
};

// The panel of B that a block reads after panel `p` of chain `c`, brought into the cache meanwhile.
class NextPanel {
 public:
  NextPanel(const PackedB& b, std::int64_t c, const Block& block, std::int64_t p) : b_(b) {
    if (++p == block.panels) p = 0, ++c;
    if (c == b.chains()) return;
    panel_ = b.PanelOf(c, block.panel + p);
    terms_ = std::min(kChain, b.terms - c * kChain);
  }

  // The part of tile `t`, while its micro-kernel runs.
  void FetchDuring(Chain& chain, std::int64_t t, std::int64_t tiles) const {
    const std::int64_t floats = terms_ * b_.columns;
    chain.fetch = panel_ != nullptr ? panel_ + floats * t / tiles : chain.panel;
    chain.fetch_step = floats / (tiles * kChain) + 1;
  }

  // The same at once.
  void Prefetch(std::int64_t t, std::int64_t tiles) const {
    const std::int64_t end = terms_ * (t + 1) / tiles;
    for (std::int64_t k = terms_ * t / tiles; k < end; ++k) {
      for (std::int64_t j = 0; j < b_.columns; j += kLine) {
        __builtin_prefetch(panel_ + k * b_.step + j, 0, 2);
      }
    }
  }

 private:
  const PackedB& b_;
  const float* panel_ = nullptr;
  std::int64_t terms_ = 0;
};

// Where the rows of a block read and write.
struct Places {
  const float** a;
  float** out;

  explicit Places(const Block& block) {
    a = static_cast<const float**>(ScratchBytes(
        ScratchSlot::kPlaces, static_cast<std::size_t>(2 * block.rows) * sizeof(float*)));
    out = const_cast<float**>(a + block.rows);
    PlaceRows(*block.grid, block.row, block.rows, a, out);
  }
};

// Dots of so few terms are done by strips of tiles, as calls and waiting sums would cost the most;
// and those of a whole chain, where rows go on evenly for so long and few panels reread them. But a
// term of one vector is over before it is found in a list.
constexpr std::int64_t kShortDot = 64;
constexpr std::int64_t kStripPanels = 8;
constexpr std::int64_t kStripTiles = 8;  // whose outputs stay in the first-level cache

// Where a dot is this short, lines to write are what tiles wait for. They are fetched so many rows
// ahead, and lower tiles spread them: 3x3 with one channel takes 14 % less time.
constexpr std::int64_t kWritingDot = 16;
constexpr std::int64_t kRowsAhead = 24;
constexpr std::int64_t kWritingRows = 6;

bool RunsByStrips(const MicroKernels& micro, const Block& block, const PackedB& b) {
  return b.terms <= kShortDot ||
         (b.terms <= kChain && micro.vectors > 1 && block.panels <= kStripPanels &&
          block.grid->extent[2] >= kStripTiles * micro.rows);
}

// So far apart the lines of the next tile's rows are fetched, one for each of so many terms.
std::int64_t FetchStep(const MicroKernels& micro, const Grid& grid, std::int64_t terms) {
  return terms > 0 ? 1 + micro.rows * grid.a_step[2] / terms : 0;
}

// The terms of such a dot, one by one.
class ShortDot {
 public:
  ShortDot(const MicroKernels& micro, const Grid& grid, std::int64_t b_step) {
    for (const Run& run : grid.runs) {
      last_run_ = run.a;
      for (std::int64_t k = 0; k < run.terms; ++k) {
        terms_[count_++] = {run.a + k, run.b + k * b_step};
      }
    }
    fetch_step_ = FetchStep(micro, grid, count_);
  }
  Terms terms() const { return {terms_.data(), terms_.data() + count_, last_run_, fetch_step_}; }

 private:
  std::array<Term, kChain> terms_;
  std::int64_t count_ = 0, last_run_ = 0, fetch_step_ = 0;
};

// Evenly spaced rows, by tiles.
struct Line {
  const float* a;
  float* out;
  std::int64_t a_step, out_step, ahead;
};

// The tiles of so many rows: alike, or the last might be too low to keep the multipliers busy.
struct Heights {
  std::int64_t rows, tiles, height, higher;  // the first ones are higher by a row

  Heights(std::int64_t count, std::int64_t most)
      : rows(count), tiles((count + most - 1) / most), height(rows / tiles), higher(rows % tiles) {}
};

// The outputs of one panel for the line's first rows, and the line behind them.
Line RunTiles(const MicroKernels& micro, const Line& line, std::int64_t height, std::int64_t tiles,
              const Terms& terms, const float* panel, const Finish& finish) {
  const std::int64_t rows = height * tiles;
  micro.strip[height - 1](line.a, line.a_step, line.out, line.out_step, line.ahead, tiles, terms,
                          panel, finish);
  return {line.a + rows * line.a_step, line.out + rows * line.out_step, line.a_step, line.out_step,
          line.ahead};
}

void RunByStrips(const MicroKernels& micro, const Block& block, const PackedB& b, bool relu) {
  const Grid& grid = *block.grid;
  const ShortDot dot(micro, grid, b.step);
  const bool writing = b.terms <= kWritingDot;
  const std::int64_t most_rows =
      std::min<std::int64_t>(micro.rows, writing ? kWritingRows : kMostRows);
  const std::int64_t ahead = writing ? kRowsAhead * grid.out_step[2] : 0;
  Finish finish;
  finish.relu = relu;
  const std::int64_t inner = grid.extent[2], middle = grid.extent[1];
  std::int64_t row = block.row;
  std::int64_t k = row % inner, j = row / inner % middle, i = row / inner / middle;
  std::optional<Heights> heights;
  for (const std::int64_t end = row + block.rows; row < end;) {
    const std::int64_t rows = std::min({inner - k, end - row, kStripTiles * micro.rows});
    if (!heights || heights->rows != rows) heights.emplace(rows, most_rows);
    const float* const a = grid.a + i * grid.a_step[0] + j * grid.a_step[1] + k * grid.a_step[2];
    float* const out =
        grid.out + i * grid.out_step[0] + j * grid.out_step[1] + k * grid.out_step[2];
    for (std::int64_t p = block.panel; p < block.panel + block.panels; ++p) {
      const std::int64_t column = b.ColumnOf(p);
      const float* const panel = b.PanelOf(0, p);
      finish.bias = b.bias + column;
      finish.outputs = b.outputs - column;
      Line line = {a, out + column, grid.a_step[2], grid.out_step[2], ahead};
      const auto [all, tiles, height, higher] = *heights;
      if (higher > 0) {
        line = RunTiles(micro, line, height + 1, higher, dot.terms(), panel, finish);
      }
      RunTiles(micro, line, height, tiles - higher, dot.terms(), panel, finish);
    }
    row += rows, k += rows;
    if (k == inner) k = 0, ++j;
    if (j == middle) j = 0, ++i;
  }
}

void RunBlock(const MicroKernels& micro, const Block& block, const PackedB& b, bool relu) {
  if (RunsByStrips(micro, block, b)) return RunByStrips(micro, block, b, relu);
  const Grid& grid = *block.grid;
  const std::int64_t chains = b.chains();
  const std::int64_t tiles = (block.rows + micro.rows - 1) / micro.rows;
  const std::int64_t tile_floats = micro.rows * micro.columns;
  const std::int64_t buffer_floats = tiles * block.panels * tile_floats;
  float* waiting = Scratch(ScratchSlot::kPartials, FoldBuffers(chains) * buffer_floats);
  const Places places(block);
  const bool copying = CopiesPay(block, b), spreading = copying && b.step == b.columns;
  RowCopies copies(grid);

  for (std::int64_t c = 0; c < chains; ++c) {
    const FoldStep fold = FoldOf(c, chains);
    const std::int64_t first_run = c == 0 ? 0 : grid.chain_end[static_cast<std::size_t>(c - 1)];
    const std::int64_t runs = grid.chain_end[static_cast<std::size_t>(c)] - first_run;
    Chain chain{grid.runs.data() + first_run, runs, nullptr, b.step};
    if (copying) {
      copies.Copy(places.a, block.rows, chain);
    } else if (runs > 0) {
      chain.fetch_step = FetchStep(micro, grid, chain.runs[0].terms);
    }
    const NextRows next_rows(block, c, places.a);
    for (std::int64_t p = 0; p < block.panels; ++p) {
      const std::int64_t panel = block.panel + p, column = b.ColumnOf(panel);
      chain.panel = b.PanelOf(c, panel);
      Finish finish;
      finish.merges = fold.merges;
      finish.relu = relu;
      finish.column = column;
      finish.outputs = b.outputs - column;
      finish.bias = b.bias + column;
      const NextPanel next(b, c, block, p);
      for (std::int64_t t = 0; t < tiles; ++t) {
        if (spreading) {
          next.FetchDuring(chain, t, tiles);
        } else {
          next.Prefetch(t, tiles);
        }
        float* const buffer = waiting + (p * tiles + t) * tile_floats;
        for (int m = 0; m < fold.merges; ++m) {
          finish.merge[m] = buffer + fold.merge[m] * buffer_floats;
        }
        finish.partial = fold.into < 0 ? nullptr : buffer + fold.into * buffer_floats;
        // Alike, or the last might be too low to keep the multipliers busy.
        const std::int64_t row = block.rows * t / tiles;
        const std::int64_t count = block.rows * (t + 1) / tiles - row;
        next_rows.Prefetch(p * tiles + t, block.panels * tiles);
        finish.rows = places.out + row;
        if (copying) {
          micro.by_copies[count - 1](copies.row(row), 1, chain, finish);
        } else {
          micro.by_rows[count - 1](places.a + row, chain, finish);
        }
      }
    }
  }
}

using Four [[gnu::vector_size(16)]] = float;

// Four columns' next four terms as four rows.
void Transpose(const float* from, std::int64_t column_step, std::int64_t columns, float* to) {
  Four c[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) std::memcpy(&c[j], from + j * column_step, sizeof(Four));
  const Four low01 = __builtin_shufflevector(c[0], c[1], 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(c[2], c[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(c[0], c[1], 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(c[2], c[3], 2, 6, 3, 7);
  const Four rows[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                        __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                        __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                        __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) std::memcpy(to + k * columns, &rows[k], sizeof(Four));
}

// `count` columns of `terms` neighbours each, and +0 up to `columns` (a multiple of 4): four
// columns at a time, so that what is written is not scattered.
void CopyColumns(const float* from, std::int64_t column_step, std::int64_t terms,
                 std::int64_t count, std::int64_t columns, float* to) {
  std::int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    const float* const column = from + j * column_step;
    std::int64_t k = 0;
    for (; k + 4 <= terms; k += 4)
      Transpose(column + k, column_step, columns, to + k * columns + j);
    for (; k < terms; ++k) {
      for (int i = 0; i < 4; ++i) to[k * columns + j + i] = column[i * column_step + k];
    }
  }
  for (; j < columns; ++j) {
    for (std::int64_t k = 0; k < terms; ++k) {
      to[k * columns + j] = j < count ? from[j * column_step + k] : 0.0f;
    }
  }
}

// The terms [begin, end) of all panels. Rows of B are read to their ends: 2.5 times as fast as four
// panels at a time.
void PackTerms(const MicroKernels& micro, const SourceB& source, std::int64_t begin,
               std::int64_t end, const PackedB& b) {
  const auto columns = [&](std::int64_t panel) {
    return std::min(b.columns, b.outputs - panel * b.columns);
  };
  // Terms [k, next) lie evenly, and in one chain.
  for (std::int64_t k = begin, next; k < end; k = next) {
    next = std::min({end, (k / source.inner + 1) * source.inner, (k / kChain + 1) * kChain});
    const float* from =
        source.source + k / source.inner * source.outer_step + k % source.inner * source.inner_step;
    const auto place = [&](std::int64_t panel) {
      return const_cast<float*>(b.PanelOf(k / kChain, panel)) + k % kChain * b.columns;
    };
    if (source.column_step != 1) {
      for (std::int64_t panel = 0; panel < b.panels(); ++panel) {
        CopyColumns(from + panel * b.columns * source.column_step, source.column_step, next - k,
                    columns(panel), b.columns, place(panel));
      }
      continue;
    }
    micro.pack(from, source.inner_step, next - k, b.outputs, place(0), place(1) - place(0));
  }
}

// Whether B can be read where it lies: evenly spaced rows of a panel or more, which either are the
// one panel already, or are used too rarely for packing to pay. That is later where some rows of B
// share a page: 384 rows of A instead of 96 (256 x 256 x 256: 7 % less time, 64 x 32 x 64: 17 %).
constexpr std::int64_t kNearRows = 512;  // floats from one to the next
constexpr std::int64_t kMostNear = 384, kMostFar = 96;

bool ReadInPlace(const MicroKernels& micro, const SourceB& source, std::int64_t outputs,
                 std::int64_t rows) {
  return source.column_step == 1 && source.outer_step == source.inner * source.inner_step &&
         outputs >= micro.columns &&
         (source.inner_step == micro.columns ||
          rows <= (source.inner_step <= kNearRows ? kMostNear : kMostFar));
}

// Wide tiles read A half as often, and hold half as many row pointers; but a chain of a panel is 64
// KiB then, and streams from level 2 for every one of them. Up to so many outputs that pays: 1x1
// convolutions of 128 take 6 to 12 % less time, 3x3 of 64 5 %; 3x3 of 256 would take 2 % more. And
// where B is read a page a term: they come by half as often (32 x 1024 x 1024: 15 % less).
constexpr std::int64_t kWideOutputs = 128;

}  // namespace

const MicroKernels& Fitting(const MicroKernels& micro, std::int64_t rows, std::int64_t outputs) {
  if (micro.narrow != nullptr && outputs <= micro.narrow->columns) return *micro.narrow;
  const bool wide = micro.wide != nullptr && rows <= micro.wide->rows && outputs > micro.columns;
  return wide ? *micro.wide : micro;
}

const MicroKernels& FittingMultiply(const MicroKernels& micro, std::int64_t rows,
                                    std::int64_t outputs) {
  const MicroKernels* const wide = micro.wide;
  if (wide == nullptr) return Fitting(micro, rows, outputs);
  const bool few = outputs <= kWideOutputs && outputs % wide->columns == 0;
  const bool far = outputs >= kNearRows && rows <= kMostFar;
  return few || far ? *wide : Fitting(micro, rows, outputs);
}

std::int64_t PackedB::chains() const {
  return std::max<std::int64_t>(1, (terms + kChain - 1) / kChain);
}

std::int64_t PackedB::ColumnOf(std::int64_t panel) const {
  return step == columns ? panel * columns : std::min(panel * columns, outputs - columns);
}

const float* PackedB::PanelOf(std::int64_t chain, std::int64_t panel) const {
  if (step != columns) return data + chain * kChain * step + ColumnOf(panel);
  const std::int64_t length = std::min(kChain, terms - chain * kChain);
  return data + (chain * kChain * panels() + panel * length) * columns;
}

PackedB Pack(const MicroKernels& micro, const SourceB& source, std::int64_t terms,
             std::int64_t outputs, const float* bias, std::int64_t rows, Team& team) {
  PackedB b{source.source, nullptr, terms, outputs, micro.columns, source.inner_step};
  const bool in_place = ReadInPlace(micro, source, outputs, rows);
  const std::int64_t padded = b.panels() * b.columns;
  float* const padded_bias =
      Scratch(ScratchSlot::kWeights, in_place ? padded : padded * (terms + 1));
  for (std::int64_t j = 0; j < padded; ++j) {
    padded_bias[j] = (bias == nullptr || j >= outputs ? 0.0f : bias[j]) + 0.0f;
  }
  b.bias = padded_bias;
  if (in_place) return b;
  b.data = padded_bias + padded;
  b.step = b.columns;
  team.RunRanges(terms, 1 + kTaskFloats / padded, [&](std::int64_t begin, std::int64_t end) {
    PackTerms(micro, source, begin, end, b);
  });
  return b;
}

void Grid::MergeExtents() {
  for (int turn = 0; turn < 2; ++turn) {
    const bool goes_on =
        a_step[1] == extent[2] * a_step[2] && out_step[1] == extent[2] * out_step[2];
    if (extent[1] > 1 && extent[2] > 1 && !goes_on) return;
    if (extent[2] == 1) a_step[2] = a_step[1], out_step[2] = out_step[1];
    extent = {1, extent[0], extent[1] * extent[2]};
    a_step[1] = a_step[0], out_step[1] = out_step[0];
  }
}

void Grid::AddTerms(std::int64_t term, std::int64_t a_offset, std::int64_t terms,
                    std::int64_t step) {
  while (terms > 0) {
    const std::int64_t chain = term / kChain, place = term % kChain;
    Close(chain);
    const std::int64_t now = std::min(terms, kChain - place);
    const std::int64_t first =
        chain_end.empty() ? 0 : chain_end.back();  // of the runs of this chain
    const bool open = static_cast<std::int64_t>(runs.size()) > first;
    if (open && runs.back().a + runs.back().terms == a_offset &&
        runs.back().b + runs.back().terms * step == place * step) {
      runs.back().terms += now;
    } else {
      runs.push_back({a_offset, place * step, now});
    }
    term += now, a_offset += now, terms -= now;
  }
}

void Grid::Close(std::int64_t chains) {
  while (static_cast<std::int64_t>(chain_end.size()) < chains) {
    chain_end.push_back(static_cast<std::int64_t>(runs.size()));
  }
}

void Multiply(const MicroKernels& micro, std::span<const Grid> grids, const PackedB& b, bool relu,
              Team& team) {
  const double flops =
      2.0 * static_cast<double>(RowsOf(grids) * b.terms) * static_cast<double>(b.outputs);
  const auto most_tasks = static_cast<std::int64_t>(1 + flops / kTaskFlops);
  const std::vector<Block> blocks = BlocksOf(micro, grids, b, team.size());
  const auto count = static_cast<std::int64_t>(blocks.size());
  const std::int64_t tasks = std::min(count, most_tasks);
  team.Run(tasks, [&](std::int64_t task) {
    for (std::int64_t i = count * task / tasks; i < count * (task + 1) / tasks; ++i) {
      RunBlock(micro, blocks[static_cast<std::size_t>(i)], b, relu);
    }
  });
}

}  // namespace samebits::tile
