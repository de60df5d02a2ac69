// Matrix products whose dots are the contract's. Output (row, column) is the dot of A(row, term)
// and B(term, column); neither need lie in memory as a matrix. Included by .cu files.
//
// A block computes a tile of outputs over one part of their dots: a chain stays in registers from
// +0 to its end, the segment's sum of chains so far waits in shared memory. A part is a segment, or
// one chain where segments are too few to keep a GPU busy; CombineParts does the rest of each dot.
// Who computes which part cannot change a bit, and nothing is atomic.
//
// An absent term multiplies by zero, which gives the same bits unless the other factor is infinite
// or NaN. That makes the output NaN, and a thread does an output that is NaN again, term by term.
#pragma once

#include "kernels/cuda/vector.h"

namespace samebits::SAMEBITS_GPU {
namespace {

// A dot's structure: `leaves` leaves, each of so many terms in chains of `chain`.
struct Chains {
  std::int64_t terms_of_sample, samples;  // a leaf without a batch has one sample
  int leaves, chain;

  __host__ __device__ std::int64_t FirstTerm(int leaf) const {
    return LeafBegin(leaf, samples, leaves) * terms_of_sample;
  }
  __host__ __device__ std::int64_t Terms(int leaf) const {
    return FirstTerm(leaf + 1) - FirstTerm(leaf);
  }
  __host__ __device__ std::int64_t ChainsOf(int leaf) const {
    return (Terms(leaf) + chain - 1) / chain;
  }
  // Of the longest leaf, 1 at least.
  std::int64_t MostTerms() const {
    std::int64_t most = 1;
    for (int leaf = 0; leaf < leaves; ++leaf) most = Terms(leaf) > most ? Terms(leaf) : most;
    return most;
  }
  std::int64_t MostChains() const { return (MostTerms() + chain - 1) / chain; }
};

// A factor of A is at place row.at + term.at of a tensor if (row.h + term.h, row.w + term.w) lies
// in its image, and absent otherwise. A factor of B is at term.b from its column's first, which is
// what terms behind the last one meet.
constexpr int kAbsent = -(1 << 30);  // as `h`: nothing lies there
struct alignas(16) Row {
  std::int64_t at;
  int h, w;
};
struct alignas(16) Term {
  std::int64_t at;
  int h, w;
  std::int64_t b;
};

// A product, for what follows:
//   static constexpr bool kTermsOfALieTogether, kTermsOfBLieTogether;  // else rows, columns do
//   Chains chains;
//   Row RowAt(int row) const;
//   Term TermAt(int index) const;  // of all leaves' terms
//   bool A(const Row&, const Term&, const float** at) const;  // whether it is there
//   const float* B(const Term&, int column) const;
//   template <int kWords>  // outputs that lie together
//   void Finish(int row, int column, const Vector<kWords>& sums) const;

// Tiles of kRows x kColumns outputs, kEachRow x kEachColumn to a thread, kSlab terms in shared
// memory at a time; kBlocks blocks are to fit into a processor.
//
// A thread's outputs come in groups of up to 4 x 4, so that it reads their factors 16 bytes at a
// time. Lanes l and l ^ 1 share columns, l and l ^ 2 rows: the reads of such pairs are served at
// once.
template <int kRows_, int kColumns_, int kEachRow_, int kEachColumn_, int kSlab_, int kBlocks_>
struct Tiling {
  static constexpr int kRows = kRows_, kColumns = kColumns_;
  static constexpr int kEachRow = kEachRow_, kEachColumn = kEachColumn_;
  static constexpr int kSlab = kSlab_, kBlocks = kBlocks_;
  static constexpr int kThreads = kRows * kColumns / (kEachRow * kEachColumn);
  static constexpr int kGroup = kEachColumn < 4 ? kEachColumn : 4;
  static constexpr int kRowGroups = kEachRow / kGroup, kColumnGroups = kEachColumn / kGroup;
  static constexpr int kDown = 4, kAcross = 8;  // lanes of a warp
  static constexpr int kWarpRows = kDown * kEachRow, kWarpColumns = kAcross * kEachColumn;
  // From line to line of a slab; 4 words more, so that lines begin in other banks.
  static constexpr int kRowPitch = kRows + 4, kColumnPitch = kColumns + 4;
  static constexpr int kVectors = kEachRow * kColumnGroups;  // of a thread's outputs
  static_assert(kRows % kWarpRows == 0 && kColumns % kWarpColumns == 0);
  static_assert(kEachRow % kGroup == 0 && kEachColumn % kGroup == 0 && kSlab <= kThreads);

  // The first row and column of a thread in its tile, those of its later groups lie so many
  // further.
  static constexpr int kRowStep = kDown * kGroup, kColumnStep = kAcross * kGroup;
  __device__ static int FirstRow() {
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const unsigned down = lane / (2 * kAcross) * 2 + lane % 2;
    return static_cast<int>(warp / (kColumns / kWarpColumns) * kWarpRows + down * kGroup);
  }
  __device__ static int FirstColumn() {
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const unsigned across = lane / 2 % kAcross;
    return static_cast<int>(warp % (kColumns / kWarpColumns) * kWarpColumns + across * kGroup);
  }
};

// What a block shares. Two slabs, and the terms of two: one is used while the next is on its way.
template <class Tile>
struct TileMemory {
  Row rows[Tile::kRows];
  Term terms[2][Tile::kSlab];
  float a[2][Tile::kSlab][Tile::kRowPitch];
  float b[2][Tile::kSlab][Tile::kColumnPitch];
  Vector<Tile::kGroup> sums[Tile::kVectors][Tile::kThreads];
};

// The tile of one block, and its part of the dots.
struct Work {
  int row, column;    // the first of the tile
  int rows, columns;  // of the product
  int begin;          // the first term, of all leaves' terms
  int terms;
};

// Up to kSlab terms of one chain, counted from the part's first. `end` is that of the chain.
struct Slab {
  int first, end;
};

template <int kSlab>
__device__ Slab Behind(const Slab& slab, const Chains& chains, const Work& work) {
  if (slab.first + kSlab < slab.end) return {slab.first + kSlab, slab.end};
  const int next_end = slab.end + chains.chain;
  return {slab.end, next_end < work.terms ? next_end : work.terms};
}

// The lines of one factor in a slab, kWidth words at a time: where terms lie together such words
// are of so many terms, and are turned on the way to shared memory.
template <bool kTermsLieTogether, class Tile, int kLines, int kWidth>
struct Fetched {
  // Vectors from term to term, or from line to line, where they lie together.
  static constexpr unsigned kTermUnits = Tile::kSlab / kWidth, kLineUnits = kLines / kWidth;
  static constexpr int kThreads = Tile::kThreads;
  static constexpr int kEach = kLines * Tile::kSlab / kWidth / kThreads;
  static constexpr int kFurther = kThreads / (kTermsLieTogether ? kTermUnits : kLineUnits);
  static_assert(kEach * kThreads * kWidth == kLines * Tile::kSlab && kFurther > 0);

  Vector<kWidth> vectors[kEach];

  // Of this thread's i-th vector, so that neighbours read neighbours.
  __device__ static int TermOf(int i) {
    return kTermsLieTogether ? static_cast<int>(threadIdx.x % kTermUnits) * kWidth
                             : static_cast<int>(threadIdx.x / kLineUnits) + i * kFurther;
  }
  __device__ static int LineOf(int i) {
    return kTermsLieTogether ? static_cast<int>(threadIdx.x / kTermUnits) + i * kFurther
                             : static_cast<int>(threadIdx.x % kLineUnits) * kWidth;
  }

  // Zeros, where nothing is there.
  __device__ void Fetch(int i, bool is_there, const float* first) {
#pragma unroll
    for (int word = 0; word < kWidth; ++word) vectors[i].word[word] = 0.0f;
    if (is_there) vectors[i] = Load<kWidth>(first);
  }

  template <int kPitch>
  __device__ void Put(float (&to)[Tile::kSlab][kPitch]) const {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int term = TermOf(i), line = LineOf(i);
      if constexpr (kTermsLieTogether) {
#pragma unroll
        for (int word = 0; word < kWidth; ++word) to[term + word][line] = vectors[i].word[word];
      } else {
        Store(&to[term][line], vectors[i]);
      }
    }
  }
};

template <class Tile>
__device__ void MultiplySlab(const float (&a)[Tile::kSlab][Tile::kRowPitch],
                             const float (&b)[Tile::kSlab][Tile::kColumnPitch],
                             float (&acc)[Tile::kEachRow][Tile::kEachColumn]) {
  using Group = Vector<Tile::kGroup>;
  const int row = Tile::FirstRow(), column = Tile::FirstColumn();
#pragma unroll
  for (int k = 0; k < Tile::kSlab; ++k) {
    Group own_a[Tile::kRowGroups], own_b[Tile::kColumnGroups];
#pragma unroll
    for (int i = 0; i < Tile::kRowGroups; ++i) {
      own_a[i] = Load<Tile::kGroup>(&a[k][row + i * Tile::kRowStep]);
    }
#pragma unroll
    for (int j = 0; j < Tile::kColumnGroups; ++j) {
      own_b[j] = Load<Tile::kGroup>(&b[k][column + j * Tile::kColumnStep]);
    }
#pragma unroll
    for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kEachColumn; ++j) {
        acc[i][j] = __fmaf_rn(own_a[i / Tile::kGroup].word[i % Tile::kGroup],
                              own_b[j / Tile::kGroup].word[j % Tile::kGroup], acc[i][j]);
      }
    }
  }
}

// A chain has ended: it is added to those before it, and the next begins.
template <class Tile>
__device__ void EndChain(float (&acc)[Tile::kEachRow][Tile::kEachColumn],
                         Vector<Tile::kGroup> (&sums)[Tile::kVectors][Tile::kThreads], bool first) {
#pragma unroll
  for (int v = 0; v < Tile::kVectors; ++v) {
    float* const chain = &acc[v / Tile::kColumnGroups][v % Tile::kColumnGroups * Tile::kGroup];
    Vector<Tile::kGroup> sum = sums[v][threadIdx.x];
#pragma unroll
    for (int j = 0; j < Tile::kGroup; ++j) {
      sum.word[j] = first ? chain[j] : __fadd_rn(sum.word[j], chain[j]);
      chain[j] = 0.0f;
    }
    sums[v][threadIdx.x] = sum;
  }
}

// Leaves the part's sums of this thread's outputs in memory.sums.
template <class Product, class Tile, int kWidth>
__device__ void SumPart(const Product& p, const Work& work, TileMemory<Tile>& memory) {
  using FetchedA = Fetched<Product::kTermsOfALieTogether, Tile, Tile::kRows, kWidth>;
  using FetchedB = Fetched<Product::kTermsOfBLieTogether, Tile, Tile::kColumns, kWidth>;
  const int thread = static_cast<int>(threadIdx.x);
  const auto put_terms = [&](const Slab& slab, int buffer) {
    if (thread >= Tile::kSlab) return;
    Term term{0, kAbsent, kAbsent, 0};
    if (slab.first + thread < slab.end) {
      term = p.TermAt(work.begin + slab.first + thread);
    }
    memory.terms[buffer][thread] = term;
  };
  for (int i = thread; i < Tile::kRows; i += Tile::kThreads) {
    Row row{0, kAbsent, kAbsent};
    if (work.row + i < work.rows) row = p.RowAt(work.row + i);
    memory.rows[i] = row;
  }
  Slab next{0, p.chains.chain < work.terms ? p.chains.chain : work.terms};
  put_terms(next, 0);
  __syncthreads();

  float acc[Tile::kEachRow][Tile::kEachColumn];
#pragma unroll
  for (int i = 0; i < Tile::kEachRow; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kEachColumn; ++j) acc[i][j] = 0.0f;
  }
  FetchedA a;
  FetchedB b;
  Slab now{0, 0};
  bool first_chain = true;
  // Slab `now` lies in buffer ^ 1 of shared memory and is multiplied, the terms of slab `next` in
  // `buffer`: its factors are fetched, and the terms of the one behind it put beside.
  for (int buffer = 0;; buffer ^= 1) {
    const bool more = next.first < work.terms;
    Slab behind = next;
    if (more) {
      const Term* const terms = memory.terms[buffer];
#pragma unroll
      for (int i = 0; i < FetchedA::kEach; ++i) {
        const float* first;
        const bool is_there = p.A(memory.rows[a.LineOf(i)], terms[a.TermOf(i)], &first);
        a.Fetch(i, is_there, first);
      }
#pragma unroll
      for (int i = 0; i < FetchedB::kEach; ++i) {
        const int term = b.TermOf(i), column = work.column + b.LineOf(i);
        b.Fetch(i, column < work.columns, p.B(terms[term], column));
      }
      behind = Behind<Tile::kSlab>(next, p.chains, work);
      if (behind.first < work.terms) put_terms(behind, buffer ^ 1);
    }
    if (now.end != 0) {
      MultiplySlab<Tile>(memory.a[buffer ^ 1], memory.b[buffer ^ 1], acc);
      if (now.first + Tile::kSlab >= now.end) {
        EndChain<Tile>(acc, memory.sums, first_chain);
        first_chain = false;
      }
    }
    if (!more) break;
    a.Put(memory.a[buffer]);
    b.Put(memory.b[buffer]);
    __syncthreads();
    now = next, next = behind;
  }
}

// The part's sum for one output, term by term. Not inlined: it is hardly ever needed.
template <class Product>
[[gnu::noinline]] __device__ float PartOf(const Product& p, const Work& work, int row, int column) {
  const Row place = p.RowAt(row);
  float sum = 0.0f;
  for (int chain = 0; chain < work.terms; chain += p.chains.chain) {
    const int past = chain + p.chains.chain;
    const int end = past < work.terms ? past : work.terms;
    float acc = 0.0f;
    for (int k = chain; k < end; ++k) {
      const Term term = p.TermAt(work.begin + k);
      const float* a;
      if (p.A(place, term, &a)) acc = __fmaf_rn(*a, *p.B(term, column), acc);
    }
    sum = chain == 0 ? acc : __fadd_rn(sum, acc);
  }
  return sum;
}

// How dots are parted: `segments` to a leaf, each in `pieces` parts of so many chains.
struct Parts {
  int segments, pieces, chains;
  std::int64_t count;  // of all leaves
};

// Parts that are segments, or chains.
inline Parts PartsOf(const Chains& chains, bool are_chains) {
  const std::int64_t most = chains.MostChains();
  const auto segments = static_cast<int>((most + kChainsPerSegment - 1) / kChainsPerSegment);
  const int in_segment = most < kChainsPerSegment ? static_cast<int>(most) : int{kChainsPerSegment};
  const int pieces = are_chains ? in_segment : 1;
  return {segments, pieces, in_segment / pieces, std::int64_t{chains.leaves} * segments * pieces};
}

// `sums`: null where every dot is one part. kSharedBytes: for those who read the kernel's name.
template <class Product, class Tile, int kWidth, int kSharedBytes>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    MultiplyTiles(const __grid_constant__ Product p, int rows, int columns, Parts parts,
                  float* sums) {
  auto& memory = LaunchShared<TileMemory<Tile>>();
  const auto row_tiles = (static_cast<unsigned>(rows) + Tile::kRows - 1) / Tile::kRows;
  const auto part = static_cast<int>(blockIdx.x / row_tiles);
  const int of_leaf = parts.segments * parts.pieces;
  Work work;
  work.row = static_cast<int>(blockIdx.x % row_tiles) * Tile::kRows;
  work.column = static_cast<int>(blockIdx.y) * Tile::kColumns;
  work.rows = rows, work.columns = columns;
  const int leaf = part / of_leaf, length = p.chains.chain * parts.chains;
  const int in_leaf = part % of_leaf * length;
  const int left = static_cast<int>(p.chains.Terms(leaf)) - in_leaf;
  if (left <= 0 && sums != nullptr) return;
  work.begin = static_cast<int>(p.chains.FirstTerm(leaf)) + in_leaf;
  work.terms = left < length ? left : length;

  SumPart<Product, Tile, kWidth>(p, work, memory);

  constexpr int kWords = kWidth < Tile::kGroup ? 1 : Tile::kGroup;  // to a store
#pragma unroll 1
  for (int v = 0; v < Tile::kVectors; ++v) {
    const int i = v / Tile::kColumnGroups, j = v % Tile::kColumnGroups;
    const int row =
        work.row + Tile::FirstRow() + i / Tile::kGroup * Tile::kRowStep + i % Tile::kGroup;
    const int first = work.column + Tile::FirstColumn() + j * Tile::kColumnStep;
    if (row >= rows) continue;
    const float* const own = memory.sums[v][threadIdx.x].word;
    for (int group = 0; group < Tile::kGroup; group += kWords) {
      const int column = first + group;
      if (column >= columns) continue;
      Vector<kWords> out;
      for (int word = 0; word < kWords; ++word) {
        float x = left <= 0 ? 0.0f : own[group + word];
        if (x != x) x = PartOf(p, work, row, column + word);
        out.word[word] = sums == nullptr ? __fadd_rn(x, 0.0f) : x;
      }
      if (sums == nullptr) {
        p.Finish(row, column, out);
      } else {
        Store(&sums[(std::int64_t{part} * rows + row) * columns + column], out);
      }
    }
  }
}

// The end of a dot of many parts.
template <class Product>
struct FinishProduct {
  Product product;
  int columns;
  __device__ std::int64_t chains_of(int leaf) const { return product.chains.ChainsOf(leaf); }
  __device__ void operator()(std::int64_t i, float sum) const {
    product.Finish(static_cast<int>(i / columns), static_cast<int>(i % columns), Vector<1>{{sum}});
  }
};

// The tilings: for as many outputs as a thread can hold, for less and less of them, for few
// columns, and for products that are small altogether. What reads words takes more registers.
using LargeTiles = Tiling<128, 128, 8, 8, 16, 2>;
template <int kWidth>
using TallTiles = Tiling<128, 64, 8, 8, 8, kWidth == 4 ? 4 : 3>;
using SquareTiles = Tiling<64, 64, 8, 4, 8, 4>;
template <int kWidth>
using NarrowTiles = Tiling<128, 32, 8, 4, 16, kWidth == 4 ? 4 : 3>;
using SmallTiles = Tiling<32, 32, 2, 2, 32, 2>;

// A product that is to be done.
template <class Product>
struct Problem {
  Product product;
  std::int64_t rows;  // below 2^31
  int columns;
  bool wide;  // all factors and outputs lie in vectors of 4 words
};

template <class Tile, int kWidth, class Product>
void MultiplyBy(const Problem<Product>& problem, const Parts& parts, DeviceStream& stream) {
  const std::int64_t rows = problem.rows, columns = problem.columns;
  float* const sums = parts.count == 1 ? nullptr : stream.Scratch(parts.count * rows * columns);
  const std::int64_t row_tiles = (rows + Tile::kRows - 1) / Tile::kRows;
  const std::int64_t column_tiles = (columns + Tile::kColumns - 1) / Tile::kColumns;
  constexpr int kSharedBytes = sizeof(TileMemory<Tile>);
  LaunchWith(stream,
             {static_cast<unsigned>(row_tiles * parts.count), static_cast<unsigned>(column_tiles)},
             Tile::kThreads, kSharedBytes, MultiplyTiles<Product, Tile, kWidth, kSharedBytes>,
             problem.product, static_cast<int>(rows), problem.columns, parts, sums);
  if (sums == nullptr) return;
  const FinishProduct<Product> finish{problem.product, problem.columns};
  const int leaves = problem.product.chains.leaves;
  CombineParts(stream, PartSums{sums, rows * columns, leaves, parts.segments, parts.pieces},
               finish);
}

// Terms of a part: of the longest one, and of all on average.
struct PartTerms {
  std::int64_t most, mean;
};

inline PartTerms TermsOf(const Chains& chains, const Parts& parts) {
  const std::int64_t whole = std::int64_t{chains.chain} * parts.chains;
  const std::int64_t all = chains.samples * chains.terms_of_sample;
  const std::int64_t longest = chains.MostTerms();
  return {whole < longest ? whole : longest, (all + parts.count - 1) / parts.count};
}

// Cycles that a GPU of so many processors is expected to take. `percent`: of a tile's
// multiply-adds, 128 a cycle, with their share of all else.
template <class Tile>
std::int64_t CyclesBy(std::int64_t rows, std::int64_t columns, const PartTerms& terms,
                      const Parts& parts, int percent, int processors) {
  // Estimates: of a slab on its way from memory, of a launch, and of sums that memory of 15 bytes a
  // cycle and processor writes and reads.
  constexpr std::int64_t kSlabCycles = 700, kLaunchCycles = 4000, kCombinedInCycle = 2;
  const std::int64_t tiles =
      (rows + Tile::kRows - 1) / Tile::kRows * ((columns + Tile::kColumns - 1) / Tile::kColumns);
  const std::int64_t blocks = (tiles * parts.count + processors - 1) / processors;
  const std::int64_t rounds = (blocks + Tile::kBlocks - 1) / Tile::kBlocks;
  const std::int64_t busy =
      blocks * Tile::kRows * Tile::kColumns * terms.mean * percent / (128 * 100);
  const std::int64_t waiting = rounds * (terms.most / Tile::kSlab + 2) * kSlabCycles;
  const std::int64_t sums = parts.count == 1 ? 0 : parts.count * rows * columns;
  return (busy > waiting ? busy : waiting) +
         (sums == 0 ? 0 : kLaunchCycles + sums / (processors * kCombinedInCycle));
}

template <class Product>
class Planner {
 public:
  Planner(const Problem<Product>& problem, DeviceStream& stream)
      : problem_(problem), stream_(stream) {
    CheckIndex(problem.rows + LargeTiles::kRows);
    CheckIndex(chains().samples * chains().terms_of_sample);
  }

  template <class Tile, int kWidth>
  void Consider(int percent) {
    for (const bool are_chains : {false, true}) {
      const Parts parts = PartsOf(chains(), are_chains);
      const std::int64_t cycles =
          CyclesBy<Tile>(problem_.rows, problem_.columns, TermsOf(chains(), parts), parts, percent,
                         stream_.processors());
      if (run_ != nullptr && cycles >= cycles_) continue;
      run_ = MultiplyBy<Tile, kWidth, Product>;
      parts_ = parts;
      cycles_ = cycles;
    }
  }

  void Run() { run_(problem_, parts_, stream_); }

 private:
  const Chains& chains() const { return problem_.product.chains; }

  const Problem<Product>& problem_;
  DeviceStream& stream_;
  Parts parts_;
  std::int64_t cycles_ = 0;
  void (*run_)(const Problem<Product>&, const Parts&, DeviceStream&) = nullptr;
};

// All outputs of the product, by the tiles that should take the least time.
template <class Product>
void Multiply(const Problem<Product>& problem, DeviceStream& stream) {
  Planner<Product> planner(problem, stream);
  if (problem.wide) {
    planner.template Consider<LargeTiles, 4>(115);
    planner.template Consider<TallTiles<4>, 4>(117);
    planner.template Consider<SquareTiles, 4>(130);
    planner.template Consider<NarrowTiles<4>, 4>(127);
    planner.template Consider<SmallTiles, 4>(240);
  } else {
    planner.template Consider<TallTiles<1>, 1>(150);
    planner.template Consider<NarrowTiles<1>, 1>(160);
    planner.template Consider<SmallTiles, 1>(270);
  }
  planner.Run();
}

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
