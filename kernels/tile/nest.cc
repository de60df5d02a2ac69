#include "kernels/tile/nest.h"

#include <algorithm>
#include <cstring>

#include "kernels/core/contract.h"
#include "kernels/core/scratch.h"
#include "kernels/tile/fold.h"

namespace samebits::tile {
namespace {

// A block keeps its waiting sums (32 tiles x 16 panels of 6 x 16: 196 KiB) and its rows of A
// (32 x 6 x 256 terms: 196 KiB at most) in a level-2 cache.
constexpr std::int64_t kBlockTiles = 32;
constexpr std::int64_t kBlockPanels = 16;

struct Block {
  const Grid* grid;
  std::int64_t row, rows;  // of the grid
  std::int64_t panel, panels;
};

std::vector<Block> BlocksOf(const MicroKernels& micro, std::span<const Grid> grids,
                            const PackedB& b, int threads) {
  std::int64_t tiles = 0;
  for (const Grid& grid : grids) tiles += (grid.rows() + micro.rows - 1) / micro.rows;
  std::int64_t block = kBlockTiles;
  if (threads > 1) block = std::clamp<std::int64_t>(tiles / (4 * threads), 1, kBlockTiles);
  const std::int64_t block_rows = block * micro.rows;
  std::vector<Block> blocks;
  for (std::int64_t panel = 0; panel < b.panels(); panel += kBlockPanels) {
    const std::int64_t panels = std::min(kBlockPanels, b.panels() - panel);
    for (const Grid& grid : grids) {
      for (std::int64_t row = 0; row < grid.rows(); row += block_rows) {
        blocks.push_back({&grid, row, std::min(block_rows, grid.rows() - row), panel, panels});
      }
    }
  }
  return blocks;
}

// Where the rows [first, first + count) of a grid read and write.
void PlaceRows(const Grid& grid, std::int64_t first, std::int64_t count, const float** a,
               float** out) {
  const std::int64_t inner = grid.extent[2], middle = grid.extent[1];
  std::int64_t k = first % inner;
  for (std::int64_t row = 0; row < count; k = 0) {
    const std::int64_t line = (first + row) / inner, i = line / middle, j = line % middle;
    const float* from = grid.a + i * grid.a_step[0] + j * grid.a_step[1] + k * grid.a_step[2];
    float* to = grid.out + i * grid.out_step[0] + j * grid.out_step[1] + k * grid.out_step[2];
    for (; k < inner && row < count; ++k, ++row) {
      a[row] = from;
      out[row] = to;
      from += grid.a_step[2];
      to += grid.out_step[2];
    }
  }
}

// The rows of a block and the runs of one chain, as the micro-kernels are to read them.
struct Rows {
  const float* const* a;
  Chain chain;
};

// Copies the chain's terms of all rows side by side.
class RowCopies {
 public:
  RowCopies(const Grid& grid, std::int64_t rows)
      : places_(static_cast<std::size_t>(rows)), runs_(grid.runs.size()) {}

  Rows Copy(const Rows& from, std::int64_t rows) {
    constexpr std::int64_t kStride = kChain + 16;  // a line more: neighbours in different sets
    float* const copies = Scratch(ScratchSlot::kRows, rows * kStride);
    std::int64_t terms = 0, runs = 0;
    for (std::int64_t r = 0; r < from.chain.count; ++r) {
      const Run& run = from.chain.runs[r];
      for (std::int64_t row = 0; row < rows; ++row) {
        std::memcpy(copies + row * kStride + terms, from.a[row] + run.a,
                    static_cast<std::size_t>(run.terms) * sizeof(float));
      }
      Run* const last = runs == 0 ? nullptr : &runs_[static_cast<std::size_t>(runs - 1)];
      if (last != nullptr && last->b + last->terms * from.chain.panel_step == run.b) {
        last->terms += run.terms;
      } else {
        runs_[static_cast<std::size_t>(runs++)] = {terms, run.b, run.terms};
      }
      terms += run.terms;
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      places_[static_cast<std::size_t>(row)] = copies + row * kStride;
    }
    return {places_.data(), {runs_.data(), runs, nullptr, from.chain.panel_step}};
  }

 private:
  std::vector<const float*> places_;
  std::vector<Run> runs_;
};

// Rows a multiple of 4 KiB apart meet in the same sets of a level-1 cache, and of level 2 in few:
// from some panels on their copies pay. All others are read where they lie (7 % of a convolution).
constexpr std::int64_t kPanelsWorthCopies = 4;

bool NeighboursShareSets(const Grid& grid) {
  const std::size_t inner = grid.extent[2] > 1 ? 2 : grid.extent[1] > 1 ? 1 : 0;
  return grid.a_step[inner] % 1024 == 0;
}

// One tile of one chain, whose sum waits or whose dot ends.
void RunTile(const MicroKernels& micro, const Rows& rows, std::int64_t row, std::int64_t count,
             Finish& finish, float* const* out, std::int64_t outputs) {
  const auto run = micro.by_rows[count - 1];
  if (finish.partial != nullptr || outputs >= micro.columns) {
    finish.rows = out;
    return run(rows.a + row, rows.chain, finish);
  }
  // Fewer outputs than columns: by way of a full tile.
  alignas(64) float full[kMostRows * kMostColumns];
  float* full_rows[kMostRows];
  for (std::int64_t i = 0; i < count; ++i) full_rows[i] = full + i * micro.columns;
  const std::int64_t column = finish.column;
  finish.rows = full_rows;
  finish.column = 0;
  run(rows.a + row, rows.chain, finish);
  finish.column = column;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(out[i] + column, full_rows[i], static_cast<std::size_t>(outputs) * sizeof(float));
  }
}

void RunBlock(const MicroKernels& micro, const Block& block, const PackedB& b, bool relu) {
  const Grid& grid = *block.grid;
  const std::int64_t chains = b.chains();
  const std::int64_t tiles = (block.rows + micro.rows - 1) / micro.rows;
  const std::int64_t tile_floats = micro.rows * micro.columns;
  const std::int64_t buffer_floats = tiles * block.panels * tile_floats;
  float* waiting = Scratch(ScratchSlot::kPartials, FoldBuffers(chains) * buffer_floats);
  auto** a_rows = static_cast<const float**>(ScratchBytes(
      ScratchSlot::kPlaces, static_cast<std::size_t>(2 * block.rows) * sizeof(float*)));
  auto** out_rows = const_cast<float**>(a_rows + block.rows);
  PlaceRows(grid, block.row, block.rows, a_rows, out_rows);
  const bool copying = block.panels >= kPanelsWorthCopies && NeighboursShareSets(grid);
  RowCopies copies(grid, copying ? block.rows : 0);

  for (std::int64_t c = 0; c < chains; ++c) {
    const FoldStep fold = FoldOf(c, chains);
    const std::int64_t first_run = c == 0 ? 0 : grid.chain_end[static_cast<std::size_t>(c - 1)];
    const std::int64_t runs = grid.chain_end[static_cast<std::size_t>(c)] - first_run;
    Rows rows{a_rows, {grid.runs.data() + first_run, runs, nullptr, b.columns}};
    if (copying) rows = copies.Copy(rows, block.rows);
    for (std::int64_t p = 0; p < block.panels; ++p) {
      const std::int64_t panel = block.panel + p, column = panel * micro.columns;
      rows.chain.panel = b.PanelOf(c, panel);
      Finish finish;
      finish.merges = fold.merges;
      finish.relu = relu;
      finish.column = column;
      finish.bias = b.bias + column;
      for (std::int64_t t = 0; t < tiles; ++t) {
        float* const buffer = waiting + (p * tiles + t) * tile_floats;
        for (int m = 0; m < fold.merges; ++m) {
          finish.merge[m] = buffer + fold.merge[m] * buffer_floats;
        }
        finish.partial = fold.into < 0 ? nullptr : buffer + fold.into * buffer_floats;
        const std::int64_t row = t * micro.rows;
        RunTile(micro, rows, row, std::min<std::int64_t>(micro.rows, block.rows - row), finish,
                out_rows + row, b.outputs - column);
      }
    }
  }
}

// The terms [begin, end) of `real` columns, filled up to `columns`.
void PackPanel(const SourceB& source, std::int64_t begin, std::int64_t end, std::int64_t column,
               std::int64_t real, std::int64_t columns, float* to) {
  const auto width = static_cast<std::size_t>(real) * sizeof(float);
  std::int64_t outer = begin / source.inner, inner = begin % source.inner;
  const float* const first = source.source + column * source.column_step;
  for (std::int64_t k = begin; k < end; ++k, to += columns) {
    const float* const from = first + outer * source.outer_step + inner * source.inner_step;
    if (source.column_step == 1) {
      std::memcpy(to, from, width);
    } else {
      for (std::int64_t j = 0; j < real; ++j) to[j] = from[j * source.column_step];
    }
    for (std::int64_t j = real; j < columns; ++j) to[j] = 0.0f;
    if (++inner == source.inner) inner = 0, ++outer;
  }
}

}  // namespace

std::int64_t PackedB::chains() const {
  return std::max<std::int64_t>(1, (terms + kChain - 1) / kChain);
}

const float* PackedB::PanelOf(std::int64_t chain, std::int64_t panel) const {
  const std::int64_t length = std::min(kChain, terms - chain * kChain);
  return data + (chain * kChain * panels() + panel * length) * columns;
}

PackedB Pack(const MicroKernels& micro, const SourceB& source, std::int64_t terms,
             std::int64_t outputs, const float* bias, Team& team) {
  PackedB b{nullptr, nullptr, terms, outputs, micro.columns};
  const std::int64_t padded = b.panels() * b.columns;
  float* const data = Scratch(ScratchSlot::kWeights, padded * (terms + 1));
  b.data = data;
  float* const padded_bias = data + padded * terms;
  for (std::int64_t j = 0; j < padded; ++j) {
    padded_bias[j] = (bias == nullptr || j >= outputs ? 0.0f : bias[j]) + 0.0f;
  }
  b.bias = padded_bias;
  team.Run(b.chains(), [&](std::int64_t chain) {
    const std::int64_t begin = chain * kChain, end = std::min(begin + kChain, terms);
    for (std::int64_t panel = 0; panel < b.panels(); ++panel) {
      PackPanel(source, begin, end, panel * b.columns,
                std::min(b.columns, outputs - panel * b.columns), b.columns,
                const_cast<float*>(b.PanelOf(chain, panel)));
    }
  });
  return b;
}

void Grid::AddTerms(std::int64_t term, std::int64_t a_offset, std::int64_t terms,
                    std::int64_t columns) {
  while (terms > 0) {
    const std::int64_t chain = term / kChain, place = term % kChain;
    Close(chain);
    const std::int64_t now = std::min(terms, kChain - place);
    const std::int64_t first =
        chain_end.empty() ? 0 : chain_end.back();  // of the runs of this chain
    const bool open = static_cast<std::int64_t>(runs.size()) > first;
    if (open && runs.back().a + runs.back().terms == a_offset &&
        runs.back().b + runs.back().terms * columns == place * columns) {
      runs.back().terms += now;
    } else {
      runs.push_back({a_offset, place * columns, now});
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
  const std::vector<Block> blocks = BlocksOf(micro, grids, b, team.size());
  team.Run(static_cast<std::int64_t>(blocks.size()),
           [&](std::int64_t i) { RunBlock(micro, blocks[static_cast<std::size_t>(i)], b, relu); });
}

}  // namespace samebits::tile
