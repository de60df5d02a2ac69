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
  std::int64_t k = first % inner, j = first / inner % middle, i = first / inner / middle;
  for (std::int64_t row = 0; row < count; ++row) {
    a[row] = grid.a + i * grid.a_step[0] + j * grid.a_step[1] + k * grid.a_step[2];
    out[row] = grid.out + i * grid.out_step[0] + j * grid.out_step[1] + k * grid.out_step[2];
    if (++k == inner) {
      k = 0;
      if (++j == middle) j = 0, ++i;
    }
  }
}

// One tile whose dot ends, when fewer than `columns` outputs are real: by way of a full tile.
template <class Call>
void FinishNarrow(const MicroKernels& micro, std::int64_t rows, std::int64_t outputs,
                  float* const* out, Finish& finish, const Call& call) {
  alignas(64) float full[kMostRows * kMostColumns];
  float* full_rows[kMostRows];
  for (std::int64_t i = 0; i < rows; ++i) full_rows[i] = full + i * micro.columns;
  finish.rows = full_rows;
  call(finish);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memcpy(out[i], full_rows[i], static_cast<std::size_t>(outputs) * sizeof(float));
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

  for (std::int64_t c = 0; c < chains; ++c) {
    const FoldStep fold = FoldOf(c, chains);
    const std::int64_t first_run = c == 0 ? 0 : grid.chain_end[static_cast<std::size_t>(c - 1)];
    Chain chain{grid.runs.data() + first_run,
                grid.chain_end[static_cast<std::size_t>(c)] - first_run, nullptr, b.columns};
    for (std::int64_t p = 0; p < block.panels; ++p) {
      const std::int64_t panel = block.panel + p, column = panel * micro.columns;
      chain.panel = b.PanelOf(c, panel);
      Finish finish;
      finish.merges = fold.merges;
      finish.relu = relu;
      finish.bias = b.bias == nullptr ? nullptr : b.bias + column;
      float* places[kMostRows];
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t row = t * micro.rows,
                           rows = std::min<std::int64_t>(micro.rows, block.rows - row);
        float* const buffer = waiting + (p * tiles + t) * tile_floats;
        for (int m = 0; m < fold.merges; ++m) {
          finish.merge[m] = buffer + fold.merge[m] * buffer_floats;
        }
        const auto call = [&](const Finish& f) { micro.by_rows[rows - 1](a_rows + row, chain, f); };
        if (fold.into >= 0) {
          finish.partial = buffer + fold.into * buffer_floats;
          call(finish);
          continue;
        }
        for (std::int64_t i = 0; i < rows; ++i) places[i] = out_rows[row + i] + column;
        const std::int64_t outputs = std::min<std::int64_t>(micro.columns, b.outputs - column);
        if (outputs < micro.columns) {
          FinishNarrow(micro, rows, outputs, places, finish, call);
        } else {
          finish.rows = places;
          call(finish);
        }
      }
    }
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
  if (bias != nullptr) {
    float* const copy = data + padded * terms;
    std::copy_n(bias, outputs, copy);
    std::fill(copy + outputs, copy + padded, 0.0f);
    b.bias = copy;
  }
  team.Run(b.chains(), [&](std::int64_t chain) {
    const std::int64_t begin = chain * kChain, end = std::min(begin + kChain, terms);
    for (std::int64_t panel = 0; panel < b.panels(); ++panel) {
      float* to = const_cast<float*>(b.PanelOf(chain, panel));
      const std::int64_t column = panel * b.columns;
      const std::int64_t real = std::min(b.columns, outputs - column);
      for (std::int64_t k = begin; k < end; ++k, to += b.columns) {
        const float* from = source.source + k / source.inner * source.outer_step +
                            k % source.inner * source.inner_step + column * source.column_step;
        for (std::int64_t j = 0; j < real; ++j) to[j] = from[j * source.column_step];
        for (std::int64_t j = real; j < b.columns; ++j) to[j] = 0.0f;
      }
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
