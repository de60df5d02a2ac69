#include "kernels/conv2d/tiled.h"

#include <algorithm>
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
  for (std::int64_t line = 0; line < extent; ++line) {
    Lines now{line, 1, 1, 0, 0, {}};
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
      parts.push_back(std::move(now));
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

// Every pixel of `to` as a dot over (tap row, tap column, channel of `from`).
template <class RowSource, class ColumnSource>
void Correlate(const tile::MicroKernels& micro, const Shape& s, const float* a, const Image& from,
               float* out, const Image& to, const tile::PackedB& b, const RowSource& row_source,
               const ColumnSource& column_source, bool relu, Team& team) {
  const std::vector<Lines> rows = PartLines(to.h, s.r, row_source);
  const std::vector<Lines> columns = PartLines(to.w, s.s, column_source);
  std::vector<tile::Grid> grids;
  for (const Lines& y : rows) {
    for (const Lines& x : columns) {
      tile::Grid& grid = grids.emplace_back();
      grid.a = a + (y.source * from.w + x.source) * from.c;
      grid.out = out + (y.first * to.w + x.first) * to.c;
      grid.extent = {s.n, y.count, x.count};
      grid.a_step = {from.h * from.w * from.c, y.source_step * from.w * from.c,
                     x.source_step * from.c};
      grid.out_step = {to.h * to.w * to.c, y.step * to.w * to.c, x.step * to.c};
      for (const Tap& kh : y.taps) {
        for (const Tap& kw : x.taps) {
          grid.AddTerms((kh.index * s.s + kw.index) * from.c,
                        (kh.offset * from.w + kw.offset) * from.c, from.c, b.step);
        }
      }
      grid.Close(b.chains());
    }
  }
  tile::Multiply(micro, grids, b, relu, team);
}

std::int64_t OrAbsent(std::int64_t pixel, std::int64_t extent) {
  return pixel < extent ? pixel : -1;
}

}  // namespace

void Forward(const tile::MicroKernels& all, const Shape& s, const Buffers& buffers, Team& team) {
  const tile::MicroKernels& micro = tile::Fitting(all, s.k);
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
  const tile::MicroKernels& micro = tile::Fitting(all, s.c);
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
// the same columns.
class WeightGradientPlan {
 public:
  WeightGradientPlan(const tile::MicroKernels& micro, const Shape& s, const float* x,
                     const float* dy, float* sums)
      : micro_(micro),
        s_(s),
        x_(x),
        dy_(dy),
        sums_(sums),
        rows_per_chain_(RowsPerChain(s.ow)),
        panels_((s.k + micro.columns - 1) / micro.columns),
        packed_(s.k % micro.columns != 0 || s.k > kUnpackedMost) {
    bool all_columns = s.pad_left == 0 && s.dilation_w == 1;
    all_columns = all_columns && (s.ow - 1) * s.stride_w + s.s <= s.w;
    const std::int64_t taps = all_columns ? s.s : 1;
    const std::int64_t group_rows = taps * s.c;
    for (std::int64_t kh = 0; kh < s.r; ++kh) {
      for (std::int64_t kw = 0; kw < s.s; kw += taps) {
        for (std::int64_t m = 0; m < group_rows; m += micro.rows) {
          tiles_.push_back({kh, kw, m, std::min<std::int64_t>(micro.rows, group_rows - m)});
        }
      }
    }
    const std::int64_t sum_floats = panels_ * micro.rows * micro.columns;
    block_ = std::clamp<std::int64_t>(kBlockFloats / sum_floats, 1, Tiles());
    blocks_ = (Tiles() + block_ - 1) / block_;
    if (packed_) {
      gradient_ = Scratch(ScratchSlot::kGradient, s.n * s.oh * s.ow * panels_ * micro.columns);
    }
  }

  void Execute(Team& team) {
    if (packed_) team.Run(s_.leaves, [&](std::int64_t leaf) { PackGradient(leaf); });
    team.Run(s_.leaves * blocks_,
             [&](std::int64_t task) { RunBlock(task / blocks_, task % blocks_ * block_); });
  }

 private:
  // dy of up to this many channels is read where it lies: a chain of it stays in level 1.
  static constexpr std::int64_t kUnpackedMost = 64;
  static constexpr std::int64_t kBlockFloats = 32 * 1024;  // of waiting sums: 128 KiB

  struct TileOfFilter {
    std::int64_t kh, kw, m, rows;  // m counts from (kh, kw, 0)
  };

  std::int64_t Tiles() const { return static_cast<std::int64_t>(tiles_.size()); }
  std::int64_t FirstRow(std::int64_t leaf) const {
    return LeafBegin(leaf, s_.n, s_.leaves) * s_.oh;
  }
  std::int64_t Chains(std::int64_t leaf) const {
    return (FirstRow(leaf + 1) - FirstRow(leaf) + rows_per_chain_ - 1) / rows_per_chain_;
  }

  // Panel after panel within a chain.
  void PackGradient(std::int64_t leaf) {
    for (std::int64_t c = 0; c < Chains(leaf); ++c) {
      const std::int64_t row = FirstRow(leaf) + c * rows_per_chain_;
      const std::int64_t terms = RowsOf(leaf, c) * s_.ow;
      float* to = gradient_ + row * s_.ow * panels_ * micro_.columns;
      for (std::int64_t p = 0; p < panels_; ++p) {
        const std::int64_t column = p * micro_.columns;
        const std::int64_t real = std::min<std::int64_t>(micro_.columns, s_.k - column);
        const float* from = dy_ + row * s_.ow * s_.k + column;
        for (std::int64_t k = 0; k < terms; ++k, to += micro_.columns, from += s_.k) {
          std::copy_n(from, real, to);
          std::fill(to + real, to + micro_.columns, 0.0f);
        }
      }
    }
  }

  std::int64_t RowsOf(std::int64_t leaf, std::int64_t chain) const {
    return std::min(rows_per_chain_, FirstRow(leaf + 1) - FirstRow(leaf) - chain * rows_per_chain_);
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
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t n = (first_row + row) / s_.oh, oh = (first_row + row) % s_.oh;
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

  void RunBlock(std::int64_t leaf, std::int64_t first_tile) {
    const std::int64_t count = std::min(block_, Tiles() - first_tile);
    const std::int64_t chains = Chains(leaf), tile_floats = micro_.rows * micro_.columns;
    const std::int64_t weights = s_.r * s_.s * s_.c * s_.k;
    float* const sums = sums_ + leaf * weights;
    if (chains == 0) {
      const TileOfFilter &begin = tiles_[static_cast<std::size_t>(first_tile)],
                         &end = tiles_[static_cast<std::size_t>(first_tile + count - 1)];
      std::fill(sums + RowOf(begin) * s_.k, sums + (RowOf(end) + end.rows) * s_.k, 0.0f);
      return;
    }
    const std::int64_t buffer_floats = count * panels_ * tile_floats;
    float* const waiting =
        Scratch(ScratchSlot::kPartials, tile::FoldBuffers(chains) * buffer_floats);
    std::vector<tile::Run> runs;
    for (std::int64_t c = 0; c < chains; ++c) {
      const tile::FoldStep fold = tile::FoldOf(c, chains);
      const std::int64_t row = FirstRow(leaf) + c * rows_per_chain_, rows = RowsOf(leaf, c);
      const std::int64_t panel_step = packed_ ? micro_.columns : s_.k;
      for (std::int64_t t = 0; t < count; ++t) {
        const TileOfFilter& tile = tiles_[static_cast<std::size_t>(first_tile + t)];
        if (t == 0 || tile.m == 0) RunsOf(row, rows, tile, panel_step, runs);
        for (std::int64_t p = 0; p < panels_; ++p) {
          const float* panel = packed_
                                   ? gradient_ + (row * panels_ + p * rows) * s_.ow * micro_.columns
                                   : dy_ + row * s_.ow * s_.k + p * micro_.columns;
          const tile::Chain chain{runs.data(), static_cast<std::int64_t>(runs.size()), panel,
                                  panel_step};
          RunTile(tile, chain, fold, waiting + (t * panels_ + p) * tile_floats, buffer_floats,
                  p * micro_.columns, sums);
        }
      }
    }
  }

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
    finish.bias = kNoBias;
    alignas(64) float narrow[tile::kMostRows * tile::kMostColumns];
    float* places[tile::kMostRows];
    const std::int64_t real = std::min<std::int64_t>(micro_.columns, s_.k - column);
    float* const out = sums + RowOf(tile) * s_.k + column;
    if (fold.into >= 0) {
      finish.partial = waiting + fold.into * buffer_floats;
    } else {
      for (std::int64_t i = 0; i < tile.rows; ++i) {
        places[i] = real < micro_.columns ? narrow + i * micro_.columns : out + i * s_.k;
      }
      finish.rows = places;
    }
    micro_.by_columns[tile.rows - 1](x_ + tile.m, s_.stride_w * s_.c, chain, finish);
    if (fold.into < 0 && real < micro_.columns) {
      for (std::int64_t i = 0; i < tile.rows; ++i) std::copy_n(places[i], real, out + i * s_.k);
    }
  }

  alignas(64) static constexpr float kNoBias[tile::kMostColumns] = {};

  const tile::MicroKernels& micro_;
  const Shape& s_;
  const float* x_;
  const float* dy_;
  float* sums_;
  std::int64_t rows_per_chain_, panels_;
  bool packed_;
  std::vector<TileOfFilter> tiles_;
  std::int64_t block_ = 0, blocks_ = 0;
  float* gradient_ = nullptr;
};

}  // namespace

void WeightGradient(const tile::MicroKernels& micro, const Shape& s, const Buffers& buffers,
                    Team& team) {
  const std::int64_t weights = s.r * s.s * s.c * s.k;
  float* const sums = Scratch(ScratchSlot::kLeaves, s.leaves * weights);
  WeightGradientPlan(tile::Fitting(micro, s.k), s, buffers.in(0), buffers.in(1), sums)
      .Execute(team);
  team.RunRanges(weights, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t step = 1; step < s.leaves; step *= 2) {
      for (std::int64_t leaf = 0; leaf < s.leaves; leaf += 2 * step) {
        float* const left = sums + leaf * weights;
        const float* const right = left + step * weights;
        for (std::int64_t i = begin; i < end; ++i) left[i] = left[i] + right[i];
      }
    }
    std::copy(sums + begin, sums + end, buffers.out(0) + begin);
  });
}

}  // namespace samebits::conv2d::tiled
