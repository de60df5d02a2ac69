// Every tiling of a GPU's products gives the contract's dots: however factors lie, whole segments
// or single chains to a block, at the borders of tiles, and where absent terms meet infinity.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <list>
#include <vector>

#include "kernels/core/contract.h"
#include "kernels/cuda/product.h"

namespace samebits::cuda_emulated {
namespace {

constexpr int kRows = 132, kColumns = 68;  // a tile and a bit
constexpr Chains kChains{104, 5, 2, 8};    // 26 and 39 chains
constexpr int kTerms = 104 * 5;

// A term is absent for four rows alike, as terms that are read at once are.
bool IsAbsent(int row, int term) { return row / 4 % 5 + term / 4 % 3 - 1 < 0; }

float Value(int i) { return static_cast<float>(i % 1009 - 500) / static_cast<float>(i % 31 + 3); }

template <bool a_terms_together, bool b_terms_together>
struct Matrices {
  static constexpr bool kTermsOfALieTogether = a_terms_together;
  static constexpr bool kTermsOfBLieTogether = b_terms_together;
  Chains chains = kChains;
  const float *a, *b;
  float* c;

  Row RowAt(int row) const { return {a_terms_together ? row * kTerms : row, row / 4 % 5 - 1, 0}; }
  Term TermAt(int term) const {
    return {a_terms_together ? term : term * kRows, term / 4 % 3, 0,
            b_terms_together ? term : term * kColumns};
  }
  bool A(const Row& row, const Term& term, const float** at) const {
    *at = a + (row.at + term.at);
    return row.h + term.h >= 0;
  }
  const float* B(const Term& term, int column) const {
    return b + (term.b + (b_terms_together ? column * kTerms : column));
  }
  template <int kWords>
  void Finish(int row, int column, const Vector<kWords>& sums) const {
    Store(c + row * kColumns + column, sums);
  }
};

class Scratch : public DeviceStream {
 public:
  void* ScratchBytes(std::size_t bytes) override {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    return memory_.emplace_back(bytes / sizeof(float) + 4, kNan).data();
  }
  int processors() override { return 1; }

 private:
  std::list<std::vector<float>> memory_;
};

struct Factors {
  std::vector<float> a, b;  // [row][term], [term][column]

  Factors() {
    for (int i = 0; i < kRows * kTerms; ++i) a.push_back(Value(i));
    for (int i = 0; i < kTerms * kColumns; ++i) b.push_back(Value(3 * i + 1));
    // An infinity that some rows do not meet, and one in the first term.
    b[13 * kColumns + 5] = std::numeric_limits<float>::infinity();
    b[67] = -std::numeric_limits<float>::infinity();
  }
};

std::vector<std::uint32_t> BitsOf(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) {
    bits.push_back(value != value ? 0x7FC00000 : std::bit_cast<std::uint32_t>(value));
  }
  return bits;
}

std::vector<std::uint32_t> Expected(const Factors& of, int chain) {
  std::vector<float> c;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      samebits::Tree over_leaves;
      for (int leaf = 0; leaf < kChains.leaves; ++leaf) {
        samebits::Dot dot(chain);
        for (auto term = static_cast<int>(kChains.FirstTerm(leaf));
             term < kChains.FirstTerm(leaf + 1); ++term) {
          if (IsAbsent(row, term)) {
            dot.Absent();
          } else {
            dot.Fma(of.a[row * kTerms + term], of.b[term * kColumns + column]);
          }
        }
        over_leaves.Add(dot.Result());
      }
      c.push_back(over_leaves.Result());
    }
  }
  return BitsOf(c);
}

// [rows][columns] as [columns][rows].
std::vector<float> Turned(const std::vector<float>& values, int rows, int columns) {
  std::vector<float> turned(values.size());
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      turned[column * rows + row] = values[row * columns + column];
    }
  }
  return turned;
}

template <class Tile, int kWidth, class Product>
void ExpectTiles(const Product& product, std::vector<float>& c,
                 const std::vector<std::uint32_t>& expected) {
  for (const bool are_chains : {false, true}) {
    Scratch stream;
    std::fill(c.begin(), c.end(), 0.5f);  // which no output is
    SetEmulatedSchedule(are_chains ? kFirstRandom : kReverse);
    MultiplyBy<Tile, kWidth>(Problem<Product>{product, kRows, kColumns, kWidth == 4},
                             PartsOf(kChains, are_chains), stream);
    EXPECT_EQ(BitsOf(c), expected) << Tile::kRows << " x " << Tile::kColumns << ", width " << kWidth
                                   << (are_chains ? ", chains" : ", segments");
  }
  SetEmulatedSchedule(kInOrder);
}

template <bool a_terms_together, bool b_terms_together>
void ExpectAllTiles() {
  const Factors factors;
  const auto expected = Expected(factors, kChains.chain);
  const auto a = a_terms_together ? factors.a : Turned(factors.a, kRows, kTerms);
  const auto b = b_terms_together ? Turned(factors.b, kTerms, kColumns) : factors.b;
  std::vector<float> c(static_cast<std::size_t>(kRows) * kColumns);
  const Matrices<a_terms_together, b_terms_together> product{kChains, a.data(), b.data(), c.data()};
  ExpectTiles<LargeTiles, 4>(product, c, expected);
  ExpectTiles<TallTiles<4>, 4>(product, c, expected);
  ExpectTiles<SquareTiles, 4>(product, c, expected);
  ExpectTiles<NarrowTiles<4>, 4>(product, c, expected);
  ExpectTiles<SmallTiles, 4>(product, c, expected);
  ExpectTiles<TallTiles<1>, 1>(product, c, expected);
  ExpectTiles<NarrowTiles<1>, 1>(product, c, expected);
  ExpectTiles<SmallTiles, 1>(product, c, expected);
}

TEST(GpuProductTest, TilesGiveTheDotsOfForward) { ExpectAllTiles<true, false>(); }
TEST(GpuProductTest, TilesGiveTheDotsOfDataGradients) { ExpectAllTiles<true, true>(); }
TEST(GpuProductTest, TilesGiveTheDotsOfWeightGradients) { ExpectAllTiles<false, false>(); }

TEST(NegativeControl, OtherChainsGiveOtherDots) {
  const Factors factors;
  EXPECT_NE(Expected(factors, kChains.chain), Expected(factors, 2 * kChains.chain));
}

TEST(GpuProductTest, WhatCannotBeCountedIsRefused) {
  Scratch stream;
  Matrices<true, false> product{};
  product.chains.samples = std::int64_t{1} << 31;
  EXPECT_THROW(Multiply(Problem<Matrices<true, false>>{product, 1, 1, false}, stream),
               std::runtime_error);
}

}  // namespace
}  // namespace samebits::cuda_emulated
