#include "kernels/conv2d/tiled.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "kernels/core/contract.h"
#include "kernels/core/scratch.h"
#include "kernels/tile/fold.h"
#include "kernels/tile/nest.h"

namespace samebits::conv2d::tiled {
namespace {

struct Tap {
  std::int64_t index;   // kh or kw
  std::int64_t offset;  // of its source from that of the line's first tap, in pixels
};

// Lines (rows or columns of pixels) with the same present taps, evenly spaced:
// line first + i*step reads its first present tap at source + i*source_step.
struct Lines {
  std::int64_t first, step, count;
  std::int64_t source, source_step;
  std::vector<Tap> taps;
};

// Parts [0, extent) into such sets. `source(line, tap)` is the pixel that a tap reads, negative
// when it is absent.
template <class Source>
std::vector<Lines> PartLines(std::int64_t extent, std::int64_t taps, const Source& source) {
  std::vector<Lines> parts;
  Lines now;  // its memory serves all lines
  for (std::int64_t line = 0; line < extent; ++line) {
    now.taps.clear();
    now = {line, 1, 1, 0, 0, std::move(now.taps)};
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t pixel = source(line, tap);
      if (pixel < 0) continue;
      if (now.taps.empty()) now.source = pixel;
      now.taps.push_back({tap, pixel - now.source});
    }
    const auto same = [&](const Lines& part) {
      const std::int64_t step = part.count == 1 ? line - part.first : part.step;
      const std::int64_t source_step =
          part.count == 1 ? now.source - part.source : part.source_step;
      return part.taps.size() == now.taps.size() && line == part.first + part.count * step &&
             now.source == part.source + part.count * source_step &&
             std::equal(part.taps.begin(), part.taps.end(), now.taps.begin(),
                        [](Tap a, Tap b) { return a.index == b.index && a.offset == b.offset; });
    };
    const auto part = std::find_if(parts.begin(), parts.end(), same);
    if (part == parts.end()) {
      parts.push_back(now);
      continue;
    }
    if (part->count == 1) {
      part->step = line - part->first;
      part->source_step = now.source - part->source;
    }
    ++part->count;
  }
  return parts;
}

struct Image {
  std::int64_t h, w, c;
};

constexpr std::int64_t kSharedFloats = 1024 * 1024;  // that stay in a shared cache

// Every pixel of `to` as a dot over (tap row, tap column, channel of `from`).
template <class RowSource, class ColumnSource>
void Correlate(const tile::MicroKernels& micro, const Shape& s, const float* a, const Image& from,
               float* out, const Image& to, const tile::PackedB& b, const RowSource& row_source,
               const ColumnSource& column_source, bool relu, Team& team) {
  const std::vector<Lines> rows = PartLines(to.h, s.r, row_source);
  const std::vector<Lines> columns = PartLines(to.w, s.s, column_source);
  // Pixels with other taps read what their neighbours do: all of some images before the next ones.
  const std::int64_t from_floats = from.h * from.w * from.c, to_floats = to.h * to.w * to.c;
  const std::int64_t near_images =
      std::max<std::int64_t>(1, kSharedFloats / (from_floats + to_floats));
  const std::int64_t images = rows.size() * columns.size() == 1 ? s.n : near_images;
  std::vector<tile::Grid> grids;
  for (std::int64_t n = 0; n < s.n; n += images) {
    for (const Lines& y : rows) {
      for (const Lines& x : columns) {
        tile::Grid& grid = grids.emplace_back();
        grid.a = a + n * from_floats + (y.source * from.w + x.source) * from.c;
        grid.out = out + n * to_floats + (y.first * to.w + x.first) * to.c;
        grid.extent = {std::min(images, s.n - n), y.count, x.count};
        grid.a_step = {from_floats, y.source_step * from.w * from.c, x.source_step * from.c};
        grid.out_step = {to_floats, y.step * to.w * to.c, x.step * to.c};
        grid.MergeExtents();
        for (const Tap& kh : y.taps) {
          for (const Tap& kw : x.taps) {
            grid.AddTerms((kh.index * s.s + kw.index) * from.c,
                          (kh.offset * from.w + kw.offset) * from.c, from.c, b.step);
          }
        }
        grid.Close(b.chains());
      }
    }
  }
  tile::Multiply(micro, grids, b, relu, team);
}

std::int64_t OrAbsent(std::int64_t pixel, std::int64_t extent) {
  return pixel < extent ? pixel : -1;
}

}  // namespace

void Forward(const tile::MicroKernels& all, const Shape& s, const Buffers& buffers, Team& team) {
  const tile::MicroKernels& micro = tile::FittingMultiply(all, s.n * s.oh * s.ow, s.k);
  const tile::PackedB b = tile::Pack(micro, {buffers.in(1), s.c, s.c * s.k, s.k, 1},
                                     s.r * s.s * s.c, s.k, buffers.in(2), s.n * s.oh * s.ow, team);
  Correlate(
      micro, s, buffers.in(0), {s.h, s.w, s.c}, buffers.out(0), {s.oh, s.ow, s.k}, b,
      [&](std::int64_t oh, std::int64_t kh) {
        return OrAbsent(oh * s.stride_h - s.pad_top + kh * s.dilation_h, s.h);
      },
      [&](std::int64_t ow, std::int64_t kw) {
        return OrAbsent(ow * s.stride_w - s.pad_left + kw * s.dilation_w, s.w);
      },
      s.relu, team);
}

void DataGradient(const tile::MicroKernels& all, const Shape& s, const Buffers& buffers,
                  Team& team) {
  const tile::MicroKernels& micro = tile::FittingMultiply(all, s.n * s.h * s.w, s.c);
  const tile::PackedB b = tile::Pack(micro, {buffers.in(1), s.k, s.c * s.k, 1, s.k},
                                     s.r * s.s * s.k, s.c, nullptr, s.n * s.h * s.w, team);
  const auto source = [](std::int64_t place, std::int64_t stride, std::int64_t extent) {
    return place % stride == 0 ? OrAbsent(place / stride, extent) : -1;
  };
  Correlate(
      micro, s, buffers.in(0), {s.oh, s.ow, s.k}, buffers.out(0), {s.h, s.w, s.c}, b,
      [&](std::int64_t ih, std::int64_t kh) {
        return source(ih + s.pad_top - kh * s.dilation_h, s.stride_h, s.oh);
      },
      [&](std::int64_t iw, std::int64_t kw) {
        return source(iw + s.pad_left - kw * s.dilation_w, s.stride_w, s.ow);
      },
      false, team);
}

namespace {

// The plan of the weight gradient. Its dots run over the pixels of a leaf; its rows are the filter
// elements m = (kh, kw, ic), which are neighbours in x too as long as the taps of a filter row see
// the same columns. The tree over the leaves is folded like a dot's segments: the sum of a leaf
// waits until its neighbour's is done.
class WeightGradientPlan {
 public:
  WeightGradientPlan(const tile::MicroKernels& micro, const Shape& s, const Buffers& buffers)
      : micro_(micro),
        s_(s),
        x_(buffers.in(0)),
        dy_(buffers.in(1)),
        dw_(buffers.out(0)),
        rows_per_chain_(RowsPerChain(s.ow)),
        panels_((s.k + micro.columns - 1) / micro.columns),
        taps_(SameColumns(s) ? s.s : 1) {
    // Tiles of a filter row are alike, or the last might be too low to keep the multipliers busy.
    const std::int64_t rows = taps_ * s.c, tiles = (rows + micro.rows - 1) / micro.rows;
    for (std::int64_t kh = 0; kh < s.r; ++kh) {
      for (std::int64_t kw = 0; kw < s.s; kw += taps_) {
        for (std::int64_t t = 0; t < tiles; ++t) {
          const std::int64_t m = rows * t / tiles;
          tiles_.push_back({kh, kw, m, rows * (t + 1) / tiles - m});
        }
      }
    }
    const bool worth_packing = s.k > kNarrowGradient && tiles_.size() >= kTilesWorthPacking;
    packed_ = s.k % micro.columns != 0 || worth_packing;
    for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
      leaf_buffers_ = std::max(leaf_buffers_, tile::FoldBuffers(Chains(leaf)));
    }
  }

  // Rows of the tiles it needs.
  static std::int64_t RowsWanted(const Shape& s) { return (SameColumns(s) ? s.s : 1) * s.c; }

  void Execute(Team& team) {
    if (LeavesAreShort()) return RunLeaves(team);
    const std::int64_t tasks = TasksFor(team);
    const std::int64_t groups = GroupsFor(tasks);
    const std::vector<Block> blocks = BlocksOf(SizeFor(tasks, groups));
    const auto count = static_cast<std::int64_t>(blocks.size());
    float* const sums = groups == 1 ? dw_ : Scratch(ScratchSlot::kLeaves, groups * Weights());
    team.Run(groups * count, [&](std::int64_t task) {
      const std::int64_t leaves = s_.leaves / groups, group = task / count;
      RunBlock(group * leaves, leaves, blocks[static_cast<std::size_t>(task % count)],
               sums + group * Weights());
    });
    if (groups > 1) TreeOverGroups(sums, groups, team);
  }

 private:
  // dy of up to so many channels, or for so few tiles, is read where it lies: a chain of it stays
  // in level 1, or is not used often enough.
  static constexpr std::int64_t kNarrowGradient = 64;
  static constexpr std::size_t kTilesWorthPacking = 64;
  static constexpr std::int64_t kBlockFloats = 160 * 1024;  // of waiting sums: 640 KiB
  static constexpr std::int64_t kBlockTiles = 64;           // where there are many panels
  static constexpr std::int64_t kShortLeaf = 64;            // samples
  static constexpr std::int64_t kNearPanels = 256 * 1024;   // floats of dy, beside tiles of x
  static constexpr std::int64_t kFarRows = 256;             // floats from one row of x to the next
  static constexpr double kNearFloats = 384 * 1024;         // of x and dy, that stay near the core

  struct TileOfFilter {
    std::int64_t kh, kw, m, rows;  // m counts from (kh, kw, 0)
  };
  struct Block {
    std::int64_t tile, tiles, panel, panels;
  };

  // Whether the taps of a filter row see the same columns.
  static bool SameColumns(const Shape& s) {
    return s.pad_left == 0 && s.dilation_w == 1 && (s.ow - 1) * s.stride_w + s.s <= s.w;
  }

  std::int64_t Weights() const { return s_.r * s_.s * s_.c * s_.k; }
  std::int64_t TasksFor(const Team& team) const {
    const double flops = 2.0 * static_cast<double>(s_.n * s_.oh * s_.ow * Weights());
    return std::min<std::int64_t>(team.size() == 1 ? 1 : 4 * team.size(),
                                  1 + static_cast<std::int64_t>(flops / tile::kTaskFlops));
  }
  std::int64_t FirstRow(std::int64_t leaf) const {
    return LeafBegin(leaf, s_.n, s_.leaves) * s_.oh;
  }
  // A leaf without samples has one chain without terms, whose sum is +0.
  std::int64_t Chains(std::int64_t leaf) const {
    const std::int64_t rows = FirstRow(leaf + 1) - FirstRow(leaf);
    return std::max<std::int64_t>(1, (rows + rows_per_chain_ - 1) / rows_per_chain_);
  }
  std::int64_t RowsOf(std::int64_t leaf, std::int64_t chain) const {
    return std::min(rows_per_chain_, FirstRow(leaf + 1) - FirstRow(leaf) - chain * rows_per_chain_);
  }

  // Of blocks of the filter, so many that they make the tasks with as many groups of leaves.
  struct Size {
    std::int64_t tiles, panels;
  };
  Size SizeFor(std::int64_t tasks, std::int64_t groups) const {
    const auto tiles = static_cast<std::int64_t>(tiles_.size());
    const std::int64_t most =
        std::max<std::int64_t>(1, kBlockFloats / (micro_.rows * micro_.columns));
    const std::int64_t panels = std::clamp<std::int64_t>(most / kBlockTiles, 1, panels_);
    const std::int64_t height = std::clamp<std::int64_t>(most / panels, 1, tiles);
    const std::int64_t wanted = (tasks + groups - 1) / groups;
    return {std::min(height, (tiles + wanted - 1) / wanted), panels};
  }

  std::vector<Block> BlocksOf(const Size& size) const {
    const auto tiles = static_cast<std::int64_t>(tiles_.size());
    std::vector<Block> blocks;
    for (std::int64_t tile = 0; tile < tiles; tile += size.tiles) {
      for (std::int64_t panel = 0; panel < panels_; panel += size.panels) {
        blocks.push_back({tile, std::min(size.tiles, tiles - tile), panel,
                          std::min(size.panels, panels_ - panel)});
      }
    }
    return blocks;
  }

  // Few samples of one pixel: a tile of the filter takes one call for all of them, as their sums
  // would wait in level 2 for longer than they take.
  bool LeavesAreShort() const {
    return s_.r * s_.s * s_.h * s_.w * s_.oh * s_.ow == 1 && s_.n <= kShortLeaf * s_.leaves &&
           s_.leaves <= std::int64_t{1} << tile::kMostLeafLevels;
  }

  void RunLeaves(Team& team) const {
    std::vector<std::int64_t> ends;
    for (std::int64_t leaf = 0; leaf < s_.leaves; ++leaf) ends.push_back(FirstRow(leaf + 1));
    const auto tiles = static_cast<std::int64_t>(tiles_.size());
    const float* const gradient = packed_ ? PackedSamples(team) : dy_;
    const std::int64_t panel_step = packed_ ? micro_.columns : s_.k;
    const std::int64_t next_panel = (packed_ ? s_.n : 1) * micro_.columns;

    const std::int64_t tasks = TasksFor(team);
    const std::int64_t most = std::max<std::int64_t>(1, kNearPanels / (s_.n * micro_.columns));
    const std::int64_t groups =
        std::max((panels_ + most - 1) / most, std::min(panels_, tasks / tiles));
    const std::int64_t count = groups * tiles;
    team.RunRanges(count, (count + tasks - 1) / tasks, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t group = i / tiles;
        const TileOfFilter& tile = tiles_[static_cast<std::size_t>(i % tiles)];
        const Columns columns = ColumnsOf(tile);
        const std::int64_t last = panels_ * (group + 1) / groups;
        for (std::int64_t panel = panels_ * group / groups; panel < last; ++panel) {
          tile::Finish finish;
          Put(tile, panel * micro_.columns, dw_, finish, [&] {
            micro_.by_leaves[tile.rows - 1](columns.x, columns.step, gradient + panel * next_panel,
                                            panel_step, ends.data(), s_.leaves, finish);
          });
        }
      }
    });
  }

  struct Columns {
    const float* x;
    std::int64_t step;
  };

  // What a tile reads of x: where rows are long, and each on a page of its own, side by side.
  Columns ColumnsOf(const TileOfFilter& tile) const {
    const tile::MicroKernels* const narrow = micro_.narrow;
    const bool fits = narrow != nullptr && narrow->columns >= micro_.rows;
    const tile::MicroKernels& copier = fits ? *narrow : micro_;
    if (s_.c < kFarRows || copier.columns < micro_.rows) return {x_ + tile.m, s_.c};
    float* const copy = Scratch(ScratchSlot::kRows, s_.n * copier.columns);
    copier.pack(x_ + tile.m, s_.c, s_.n, tile.rows, copy, 0);
    return {copy, copier.columns};
  }

  // Into how many sums the leaves are grouped, one after the other: one sum is the least to write,
  // but then every block reads the whole batch again. What moves the fewest floats.
  std::int64_t GroupsFor(std::int64_t tasks) const {
    const auto x = static_cast<double>(s_.n * s_.h * s_.w * s_.c);
    const auto dy = static_cast<double>(s_.n * s_.oh * s_.ow * s_.k);
    const auto tiles = static_cast<std::int64_t>(tiles_.size());
    const auto share = [](std::int64_t part, std::int64_t all) {
      return std::min(1.0, static_cast<double>(part) / static_cast<double>(all));
    };
    std::int64_t best = 1;
    double least = 0;
    for (std::int64_t groups = 1; groups <= s_.leaves; groups *= 2) {
      const Size size = SizeFor(tasks, groups);
      const std::int64_t blocks =
          ((tiles + size.tiles - 1) / size.tiles) * ((panels_ + size.panels - 1) / size.panels);
      const double again =
          static_cast<double>(blocks) *
          (x * share(size.tiles * micro_.rows, s_.c) + dy * share(size.panels, panels_));
      const auto sums = static_cast<double>(groups == 1 ? 1 : 3 * groups);
      const bool near = x + dy <= kNearFloats * static_cast<double>(groups);
      const double moved = (near ? x + dy : again) + sums * static_cast<double>(Weights());
      if (groups == 1 || moved < least) best = groups, least = moved;
    }
    return best;
  }

  // Panels of dy of all samples, one after the other.
  const float* PackedSamples(Team& team) const {
    float* const packed = Scratch(ScratchSlot::kGradient, s_.n * panels_ * micro_.columns);
    team.RunRanges(s_.n, 1 + tile::kTaskFloats / s_.k, [&](std::int64_t begin, std::int64_t end) {
      micro_.pack(dy_ + begin * s_.k, s_.k, end - begin, s_.k, packed + begin * micro_.columns,
                  s_.n * micro_.columns);
    });
    return packed;
  }

  // Panels of some rows of dy, one after the other, in this thread's scratch memory.
  const float* PackedRows(std::int64_t row, std::int64_t rows, std::int64_t panel,
                          std::int64_t panels) const {
    const std::int64_t terms = rows * s_.ow;
    float* const packed = Scratch(ScratchSlot::kGradient, terms * panels * micro_.columns);
    const std::int64_t column = panel * micro_.columns;
    micro_.pack(dy_ + row * s_.ow * s_.k + column, s_.k, terms,
                std::min(panels * micro_.columns, s_.k - column), packed, terms * micro_.columns);
    return packed;
  }

  // The present terms of a chain for the taps of one tile.
  void RunsOf(std::int64_t first_row, std::int64_t rows, const TileOfFilter& tile,
              std::int64_t panel_step, std::vector<tile::Run>& runs) const {
    runs.clear();
    const std::int64_t step = s_.stride_w * s_.c;
    std::int64_t from = 0, to = s_.ow;
    const auto column = [&](std::int64_t ow) {
      return ow * s_.stride_w - s_.pad_left + tile.kw * s_.dilation_w;
    };
    while (from < to && column(from) < 0) ++from;
    while (to > from && column(to - 1) >= s_.w) --to;
    if (from == to) return;
    std::int64_t n = first_row / s_.oh, oh = first_row % s_.oh;
    for (std::int64_t row = 0; row < rows; ++row, ++oh) {
      if (oh == s_.oh) oh = 0, ++n;
      const std::int64_t ih = oh * s_.stride_h - s_.pad_top + tile.kh * s_.dilation_h;
      if (ih < 0 || ih >= s_.h) continue;
      const std::int64_t a = ((n * s_.h + ih) * s_.w + column(from)) * s_.c;
      const std::int64_t b = (row * s_.ow + from) * panel_step;
      if (!runs.empty() && runs.back().a + runs.back().terms * step == a &&
          runs.back().b + runs.back().terms * panel_step == b) {
        runs.back().terms += to - from;
      } else {
        runs.push_back({a, b, to - from});
      }
    }
  }

  // The tree over `leaves` leaves from `first_leaf` on.
  void RunBlock(std::int64_t first_leaf, std::int64_t leaves, const Block& block,
                float* sums) const {
    const std::int64_t tile_floats = micro_.rows * micro_.columns;
    const std::int64_t buffer_floats = block.tiles * block.panels * tile_floats;
    const std::int64_t buffers =
        leaf_buffers_ + std::countr_zero(static_cast<std::uint64_t>(leaves));
    float* const waiting = Scratch(ScratchSlot::kPartials, buffers * buffer_floats);
    std::vector<tile::Run> runs;
    for (std::int64_t l = 0; l < leaves; ++l) {
      const std::int64_t leaf = first_leaf + l, chains = Chains(leaf);
      for (std::int64_t c = 0; c < chains; ++c) {
        tile::FoldStep fold = tile::FoldOf(c, chains);
        if (c + 1 == chains) fold = tile::FoldLeaf(fold, l, leaves, leaf_buffers_);
        const std::int64_t row = FirstRow(leaf) + c * rows_per_chain_, rows = RowsOf(leaf, c);
        const float* const gradient = packed_
                                          ? PackedRows(row, rows, block.panel, block.panels)
                                          : dy_ + row * s_.ow * s_.k + block.panel * micro_.columns;
        const std::int64_t panel_step = packed_ ? micro_.columns : s_.k;
        const std::int64_t next_panel = packed_ ? rows * s_.ow * micro_.columns : micro_.columns;
        NextChain next(*this, row + rows, rows);
        for (std::int64_t t = 0; t < block.tiles; ++t) {
          const TileOfFilter& tile = tiles_[static_cast<std::size_t>(block.tile + t)];
          if (t == 0 || tile.m == 0) RunsOf(row, rows, tile, panel_step, runs);
          for (std::int64_t p = 0; p < block.panels; ++p) {
            tile::Chain chain{runs.data(), static_cast<std::int64_t>(runs.size()),
                              gradient + p * next_panel, panel_step};
            next.FetchDuring(chain, rows * s_.ow);
            RunTile(tile, chain, fold, waiting + (t * block.panels + p) * tile_floats,
                    buffer_floats, (block.panel + p) * micro_.columns, sums);
          }
        }
      }
    }
  }

  // What the next chain reads, its rows of dy and the rows of x that come with them: a tile goes
  // down a column of x, which is no stream that machines fetch ahead.
  class NextChain {
   public:
    NextChain(const WeightGradientPlan& plan, std::int64_t row, std::int64_t rows) {
      const Shape& s = plan.s_;
      const auto part = [](const float* tensor, std::int64_t all, std::int64_t first,
                           std::int64_t count, std::int64_t row_floats) -> Part {
        const std::int64_t begin = std::clamp<std::int64_t>(first, 0, all);
        const std::int64_t end = std::clamp(first + count, begin, all);
        return {tensor + begin * row_floats, (end - begin) * row_floats};
      };
      const std::int64_t lowest = (s.r - 1) * s.dilation_h - s.pad_top;  // tap of an output's row
      const std::int64_t x_row = row / s.oh * s.h + row % s.oh * s.stride_h + lowest;
      parts_[0] = part(plan.dy_, s.n * s.oh, row, rows, s.ow * s.k);
      parts_[1] = part(plan.x_, s.n * s.h, x_row, rows * s.stride_h, s.w * s.c);
    }

    // As many lines as the chain has terms.
    void FetchDuring(tile::Chain& chain, std::int64_t terms) {
      Part& now = parts_[0].floats > 0 ? parts_[0] : parts_[1];
      chain.fetch = now.next;
      chain.fetch_step = now.floats > 0 ? tile::kLine : 0;
      now.next += terms * chain.fetch_step;
      now.floats -= terms * chain.fetch_step;
    }

   private:
    struct Part {
      const float* next;
      std::int64_t floats;
    };
    Part parts_[2];
  };

  std::int64_t RowOf(const TileOfFilter& tile) const {
    return (tile.kh * s_.s + tile.kw) * s_.c + tile.m;
  }

  void RunTile(const TileOfFilter& tile, const tile::Chain& chain, const tile::FoldStep& fold,
               float* waiting, std::int64_t buffer_floats, std::int64_t column, float* sums) const {
    tile::Finish finish;
    finish.merges = fold.merges;
    for (int m = 0; m < fold.merges; ++m) {
      finish.merge[m] = waiting + fold.merge[m] * buffer_floats;
    }
    const auto run = [&] {
      micro_.by_columns[tile.rows - 1](x_ + tile.m, s_.stride_w * s_.c, chain, finish);
    };
    if (fold.into < 0) return Put(tile, column, sums, finish, run);
    finish.partial = waiting + fold.into * buffer_floats;
    run();
  }

  // Runs what ends the dots of a tile, into `sums`.
  template <class Run>
  void Put(const TileOfFilter& tile, std::int64_t column, float* sums, tile::Finish& finish,
           const Run& run) const {
    float* places[tile::kMostRows];
    for (std::int64_t i = 0; i < tile.rows; ++i) places[i] = sums + (RowOf(tile) + i) * s_.k;
    finish.bias = kNoBias;
    finish.rows = places;
    finish.column = column;
    finish.outputs = s_.k - column;
    run();
  }

  void TreeOverGroups(float* sums, std::int64_t groups, Team& team) const {
    const std::int64_t weights = Weights();
    team.RunRanges(weights, tile::kTaskFloats / groups, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t step = 1; step < groups; step *= 2) {
        for (std::int64_t group = 0; group < groups; group += 2 * step) {
          float* const left = sums + group * weights;
          const float* const right = left + step * weights;
          for (std::int64_t i = begin; i < end; ++i) left[i] = left[i] + right[i];
        }
      }
      std::copy(sums + begin, sums + end, dw_ + begin);
    });
  }

  alignas(64) static constexpr float kNoBias[tile::kMostColumns] = {};

  const tile::MicroKernels& micro_;
  const Shape& s_;
  const float* x_;
  const float* dy_;
  float* dw_;
  std::int64_t rows_per_chain_, panels_;
  bool packed_ = false;
  std::int64_t taps_;  // whose rows are neighbours in x
  std::vector<TileOfFilter> tiles_;
  int leaf_buffers_ = 1;
};

}  // namespace

void WeightGradient(const tile::MicroKernels& micro, const Shape& s, const Buffers& buffers,
                    Team& team) {
  const std::int64_t rows = WeightGradientPlan::RowsWanted(s);
  WeightGradientPlan(tile::Fitting(micro, rows, s.k), s, buffers).Execute(team);
}

}  // namespace samebits::conv2d::tiled
