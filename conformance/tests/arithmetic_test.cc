// Tree, Dot and RowSum against their definitions, written down a second time: recursively, over
// whole vectors, without any of the state that makes the first ones fast.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>
#include <span>

#include "kernels/core/case.h"
#include "kernels/core/contract.h"
#include "kernels/core/inputs.h"

namespace samebits {
namespace {

using Floats = std::span<const float>;

std::uint32_t Bits(float x) { return std::bit_cast<std::uint32_t>(x); }

// Exponents from 2^-20 to 2^20: nearly every other order gives other bits.
std::vector<float> Inputs(std::size_t n, int tensor) {
  std::vector<float> values(n);
  FillFloats(Case::Parse("cancel_seed812"), tensor, values);
  return values;
}

float DefinedTree(Floats x) {
  if (x.empty()) return 0.0f;
  if (x.size() == 1) return x[0];
  const std::size_t p = std::bit_floor(x.size() - 1);  // the largest power of two below n
  return DefinedTree(x.first(p)) + DefinedTree(x.subspan(p));
}

float DefinedChain(Floats a, Floats b) {
  float acc = 0.0f;
  for (std::size_t i = 0; i < a.size(); ++i) acc = std::fma(a[i], b[i], acc);
  return acc;
}

float DefinedDot(Floats a, Floats b, std::size_t chain) {
  std::vector<float> chains, segments;
  for (std::size_t i = 0; i < a.size(); i += chain) {
    const std::size_t n = std::min(chain, a.size() - i);
    chains.push_back(DefinedChain(a.subspan(i, n), b.subspan(i, n)));
  }
  for (std::size_t i = 0; i < chains.size(); i += 16) {
    const auto begin = chains.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = chains.begin() + static_cast<std::ptrdiff_t>(std::min(i + 16, chains.size()));
    segments.push_back(std::accumulate(begin + 1, end, *begin));
  }
  return DefinedTree(segments) + 0.0f;
}

float DefinedRowSum(Floats x) {
  std::vector<float> partials;
  for (std::size_t i = 0; i < x.size(); i += 4096) {
    const Floats part = x.subspan(i, std::min<std::size_t>(4096, x.size() - i));
    std::vector<float> lanes(16);
    for (std::size_t lane = 0; lane < 16; ++lane) {
      for (std::size_t j = lane; j < part.size(); j += 16) lanes[lane] += part[j];
    }
    partials.push_back(DefinedTree(lanes));
  }
  return DefinedTree(partials);
}

// All small sizes, and both sides of the borders of chains, segments, partials and the tree.
std::vector<std::size_t> Sizes() {
  std::vector<std::size_t> sizes(201);
  std::iota(sizes.begin(), sizes.end(), 0);
  for (const std::size_t n : {255, 256, 257, 3840, 4095, 4096, 4097, 8191, 8192, 8193, 12288, 12289,
                              16384, 16385, 20481, 65535, 65536, 65537}) {
    sizes.push_back(n);
  }
  return sizes;
}

TEST(ArithmeticTest, Tree) {
  for (const std::size_t n : Sizes()) {
    const std::vector<float> x = Inputs(n, 0);
    Tree tree;
    for (const float value : x) tree.Add(value);
    EXPECT_EQ(Bits(tree.Result()), Bits(DefinedTree(x))) << n;
  }
}

TEST(ArithmeticTest, Dot) {
  for (const std::size_t n : Sizes()) {
    for (const std::int64_t chain : {256, 1, 7, 253, 300}) {
      const std::vector<float> a = Inputs(n, 0), b = Inputs(n, 1);
      Dot dot(chain);
      for (std::size_t i = 0; i < n; ++i) dot.Fma(a[i], b[i]);
      EXPECT_EQ(Bits(dot.Result()), Bits(DefinedDot(a, b, static_cast<std::size_t>(chain))))
          << n << ", chains of " << chain;
    }
  }
}

TEST(ArithmeticTest, ChannelSum) {
  for (const std::size_t n : Sizes()) {
    const std::vector<float> a = Inputs(n, 0), ones(n, 1.0f);
    Dot sum;
    for (const float value : a) sum.Add(value);
    EXPECT_EQ(Bits(sum.Result()), Bits(DefinedDot(a, ones, 256))) << n;
  }
}

// Zero-filled terms give the same bits where all is finite.
TEST(ArithmeticTest, AbsentTermsKeepTheirPlace) {
  for (const std::size_t n : Sizes()) {
    std::vector<float> a = Inputs(n, 0);
    const std::vector<float> b = Inputs(n, 1);
    Dot dot;
    for (std::size_t i = 0; i < n; ++i) {
      if (InputWord(812, 2, i) % 3 == 0) {
        a[i] = 0.0f;
        dot.Absent();
      } else {
        dot.Fma(a[i], b[i]);
      }
    }
    EXPECT_EQ(Bits(dot.Result()), Bits(DefinedDot(a, b, 256))) << n;
  }
}

TEST(ArithmeticTest, ADotIsNeverMinusZero) {
  Dot underflow;
  underflow.Fma(-0x1p-140f, 0x1p-140f);
  EXPECT_EQ(Bits(underflow.Result()), Bits(0.0f));
  EXPECT_EQ(Bits(std::fma(-0x1p-140f, 0x1p-140f, 0.0f)), Bits(-0.0f)) << "as the chain left it";
}

TEST(ArithmeticTest, RowSum) {
  for (const std::size_t n : Sizes()) {
    const std::vector<float> x = Inputs(n, 0);
    const float sum = RowSum(static_cast<std::int64_t>(n),
                             [&](std::int64_t i) { return x[static_cast<std::size_t>(i)]; });
    EXPECT_EQ(Bits(sum), Bits(DefinedRowSum(x))) << n;
  }
}

TEST(ArithmeticTest, LeavesCoverTheBatchOnce) {
  for (std::int64_t leaves = 1; leaves <= 16; leaves *= 2) {
    for (std::int64_t batch = 1; batch <= 70; ++batch) {
      EXPECT_EQ(LeafBegin(0, batch, leaves), 0);
      EXPECT_EQ(LeafBegin(leaves, batch, leaves), batch);
      for (std::int64_t i = 0; i < leaves; ++i) {
        const std::int64_t size = LeafBegin(i + 1, batch, leaves) - LeafBegin(i, batch, leaves);
        EXPECT_TRUE(size == batch / leaves || size == batch / leaves + 1) << batch << '/' << leaves;
      }
    }
  }
}

TEST(ArithmeticTest, WholeRowsToAChain) {
  EXPECT_EQ(RowsPerChain(1), 256);
  EXPECT_EQ(RowsPerChain(15), 17);
  EXPECT_EQ(RowsPerChain(128), 2);
  EXPECT_EQ(RowsPerChain(129), 1);
  EXPECT_EQ(RowsPerChain(256), 1);
  EXPECT_EQ(RowsPerChain(300), 1);
}

}  // namespace
}  // namespace samebits
