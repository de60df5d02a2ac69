// A mistake is told by its bits.
#include "conformance/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "conformance/problem.h"
#include "conformance/sums.h"
#include "conformance/tests/broken_kernels.h"
#include "conformance/tests/testing.h"
#include "conformance/wrong_kernels.h"
#include "conformance/wrong_orders.h"
#include "kernels/activation/activation.h"
#include "kernels/core/cpu.h"
#include "kernels/core/registry.h"
#include "kernels/dense/dense.h"
#include "kernels/embedding/embedding.h"
#include "kernels/exact/exact.h"
#include "kernels/math/exp.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"

namespace samebits {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// The elements of every sum, from their terms alone.
TEST(WrongOrdersTest, TheRightOrderIsTheReference) {
  for (const Op* op : AllOps()) {
    if (op->terms == nullptr) continue;
    for (const std::string_view c : op->cases) {
      const std::string case_id = fmt::format("{}_seed812", c);
      const Problem problem(*op, case_id);
      const Bitstream want = Judge::Execute(CellOf(Reference(*op), case_id));
      const std::int64_t elements = problem.signature().outputs.at(0).Elements();
      const ProblemSums sums(*op, problem);
      // A prime step meets every row, column and channel.
      for (std::int64_t i = 0; i<elements; i += elements> 2000 ? 97 : 1) {
        ASSERT_EQ(sums.BitsOf(RightOrder(sums.TermsOf(i))), BitsAt(want, i, sums.size()))
            << op->name << '/' << case_id << " element " << i;
      }
    }
  }
}

// Broken kernels of the harness, and what their mistake must be called.
const std::map<std::string_view, std::string_view> kNames = {
    {"absent_as_zero", "absent terms as zeros"},
    {"absent_moves_borders", "absent terms left out, so that chains move"},
    {"bias_first", "the bias added first"},
    {"chain_of_255", "chains of 255 terms"},
    {"chain_of_256_terms", "chains of 256 terms"},
    {"chain_of_257", "chains of 257 terms"},
    {"chains_cross_leaves", "chains across leaves"},
    {"double_precision", "sums in double precision"},
    {"eight_partial_sums", "8 partial sums"},
    {"empty_leaves_skipped", "empty leaves left out"},
    {"final_zero_dropped", "no + 0.0f at the end of the dot"},
    {"fma_dropped", "products rounded before they are added, without fma"},
    {"leaves_left_to_right", "leaves added left to right"},
    {"one_chain", "one long chain"},
    {"reversed", "terms in reverse"},
    {"segment_of_15_chains", "segments of 15 chains"},
    {"segments_left_to_right", "segments added left to right"},
    {"split_k", "split-K: the terms in 2 parts"},
    {"subnormals_flushed", "subnormals flushed to zero"},
    {"tensor_float_32", "factors cut to TensorFloat-32"},
    {"tree_of_chains", "a tree over chains, without segments"},
};

// Sums as a hurried reader of the contract writes them, of operations without a broken kernel.
void SoftmaxInOneChain(const Case& id, const Buffers& buffers, Team&) {
  const std::int64_t c = id.Get("c");
  for (std::int64_t n = 0; n < id.Get("n"); ++n) {
    const float* const x = buffers.in(0) + n * c;
    float* const y = buffers.out(0) + n * c;
    const float m = *std::max_element(x, x + c);
    std::transform(x, x + c, y, [&](float x_i) { return Exp(x_i - m); });
    const float sum = std::accumulate(y, y + c, 0.0f);
    std::transform(y, y + c, y, [&](float e) { return e / sum; });
  }
}

void SoftmaxBackwardFused(const Case& id, const Buffers& buffers, Team&) {
  const std::int64_t c = id.Get("c");
  for (std::int64_t n = 0; n < id.Get("n"); ++n) {
    const float *y = buffers.in(0) + n * c, *dy = buffers.in(1) + n * c;
    float lanes[16] = {};  // enough for rows of one partial
    for (std::int64_t i = 0; i < c; ++i) lanes[i % 16] = std::fma(dy[i], y[i], lanes[i % 16]);
    const float sum = TreeOf(Sums(lanes, lanes + 16));
    for (std::int64_t i = 0; i < c; ++i) buffers.out(0)[n * c + i] = y[i] * (dy[i] - sum);
  }
}

void AverageInOneChain(const Case& id, const Buffers& buffers, Team&) {
  const std::int64_t c = id.Get("c"), pixels = id.Get("h") * id.Get("w");
  for (std::int64_t i = 0; i < id.Get("n") * c; ++i) {
    float sum = 0.0f;
    for (std::int64_t p = 0; p < pixels; ++p)
      sum += buffers.in(0)[(i / c * pixels + p) * c + i % c];
    buffers.out(0)[i] = sum / static_cast<float>(pixels);
  }
}

void EmbeddingWithoutLeaves(const Case& id, const Buffers& buffers, Team&) {
  const std::int64_t c = id.Get("c"), positions = id.Get("n") * id.Get("l");
  for (std::int64_t i = 0; i < id.Get("rows") * c; ++i) {
    Dot sum;
    for (std::int64_t p = 0; p < positions; ++p) {
      if (buffers.in<std::int32_t>(0)[p] == i / c) sum.Add(buffers.in(1)[p * c + i % c]);
    }
    buffers.out(0)[i] = sum.Result();
  }
}

struct Named {
  Kernel kernel;
  std::string_view mistake;
};

std::vector<Named> AllNamed() {
  const auto row = [](const Op& op, std::string_view name, KernelFunction* run) {
    return Kernel{&op, name, &kCpu, Claim::kEverywhere, run};
  };
  std::vector<Named> all = {
      {row(softmax::kForward, "one_chain", SoftmaxInOneChain), "one long chain"},
      {row(softmax::kBackward, "fused", SoftmaxBackwardFused),
       "products not rounded before they are added, with fma"},
      {row(pool2d::kGlobalAverageForward, "one_chain", AverageInOneChain), "one long chain"},
      {row(embedding::kBackward, "no_leaves", EmbeddingWithoutLeaves), "chains across leaves"},
  };
  for (const auto& some : {BrokenDots(), BrokenGradients(), BrokenSurroundings()}) {
    for (const BrokenKernel& broken : some) {
      const auto name = kNames.find(broken.kernel.name);
      if (name != kNames.end()) all.push_back({broken.kernel, name->second});
    }
  }
  for (std::size_t i = 0; i < BrokenProducts().size(); ++i) {
    all.push_back({BrokenProducts()[i].kernel, WrongKernels(exact::kProduct)[i].name});
  }
  return all;
}

class ExplainTest : public testing::TestWithParam<Named> {};

// Of the cases that show a mistake, each names it, and one names hardly any other.
TEST_P(ExplainTest, NamesTheMistake) {
  const auto& [kernel, mistake] = GetParam();
  for (const std::int64_t seed : kSeeds) {
    for (const std::string_view c : kernel.op->cases) {
      const std::string case_id = fmt::format("{}_seed{}", c, seed);
      const Cell cell = CellOf(kernel, case_id);
      const auto difference = Explain(cell, Judge::Execute(cell),
                                      Judge::Execute(CellOf(Reference(*kernel.op), case_id)));
      if (!difference) continue;
      ASSERT_THAT(difference->orders, Contains(mistake)) << case_id;
      ASSERT_THAT(difference->tried, Contains(mistake));
      if (difference->orders.size() > 2) continue;
      EXPECT_THAT(Describe(*difference), HasSubstr("it has the bits of: "));
      return;
    }
  }
  FAIL() << "no case of " << kernel.op->name << " tells " << kernel.name << " from all others";
}

INSTANTIATE_TEST_SUITE_P(All, ExplainTest, testing::ValuesIn(AllNamed()), [](const auto& info) {
  return fmt::format("{}_{}", info.param.kernel.op->name, info.param.kernel.name);
});

TEST(ExplainTest, NothingForTheRightBits) {
  const std::string case_id = "n6c256_k16_cancel_seed812";
  const Cell cell = CellOf(Reference(dense::kForward), case_id);
  const Bitstream bits = Judge::Execute(cell);
  EXPECT_FALSE(Explain(cell, bits, bits));
}

// An order that explains some elements only is not the kernel's.
TEST(ExplainTest, AllElementsMustBeExplained) {
  const std::string case_id = "n6c256_k16_cancel_seed812";
  const Op& op = dense::kForward;
  const Cell cell = CellOf(Reference(op), case_id);
  const Bitstream want = Judge::Execute(cell);
  Bitstream got = want;
  got[0] ^= std::byte{1};
  const auto difference = Explain(cell, got, want);
  ASSERT_TRUE(difference);
  EXPECT_THAT(difference->orders, IsEmpty());
  EXPECT_EQ(DescribeOrders(*difference),
            fmt::format("no known mistake has these bits ({} tried)", difference->tried.size()));
}

TEST(ExplainTest, OperationsThatAreNoSums) {
  const std::string case_id = "n7_seed812";
  const Cell cell = CellOf(Reference(activation::kReluForward), case_id);
  const Bitstream want = Judge::Execute(cell);
  Bitstream got = want;
  got[0] ^= std::byte{1};
  const auto difference = Explain(cell, got, want);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->first.element, "y[0]");
  EXPECT_EQ(difference->first.ulps, 1u);
  EXPECT_EQ(DescribeOrders(*difference), "no known mistake has these bits (1 tried)");
}

}  // namespace
}  // namespace samebits
