// A wrong order is told by its bits.
#include "conformance/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "conformance/problem.h"
#include "conformance/tests/broken_kernels.h"
#include "conformance/tests/testing.h"
#include "conformance/wrong_orders.h"
#include "kernels/activation/activation.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/registry.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Every element of every dot, from its terms alone.
TEST(WrongOrdersTest, TheRightOrderIsTheReference) {
  for (const Op* op : AllOps()) {
    if (op->terms == nullptr) continue;
    for (const std::string_view c : op->cases) {
      const std::string case_id = fmt::format("{}_seed812", c);
      const Problem problem(*op, case_id);
      const Bitstream want = Judge::Execute(CellOf(Reference(*op), case_id));
      const std::int64_t elements = problem.signature().outputs.at(0).Elements();
      // A prime step meets every row, column and channel.
      for (std::int64_t i = 0; i < elements; i += elements > 2000 ? 97 : 1) {
        const OutputTerms terms = op->terms(problem.case_of(), problem.buffers(), i);
        ASSERT_EQ(BitsOf(RightOrder(terms)), FloatBitsAt(want, i))
            << op->name << '/' << case_id << " element " << i;
      }
    }
  }
}

struct Named {
  const Op* op;
  std::string_view broken, case_id, order;
};

// Broken kernels of the harness, a case that shows the mistake, and what it must be called.
const Named kNamed[] = {
    {&dense::kForward, "one_chain", "n1c20000_k2_cancel", "one long chain"},
    {&dense::kForward, "fma_dropped", "n6c256_k16_cancel",
     "products rounded before they are added, without fma"},
    {&dense::kForward, "chain_of_257", "n3c4097_k5_cancel", "chains of 257 terms"},
    {&dense::kForward, "chain_of_255", "n2c4096_k33_cancel", "chains of 255 terms"},
    {&dense::kForward, "segment_of_15_chains", "n2c8193_k3_cancel", "segments of 15 chains"},
    {&dense::kForward, "segments_left_to_right", "n1c20000_k2_cancel",
     "segments added left to right"},
    {&dense::kForward, "tree_of_chains", "n1c20000_k2_cancel",
     "a tree over chains, without segments"},
    {&dense::kForward, "split_k", "n2c4096_k33_cancel", "the terms in 2 parts"},
    {&dense::kForward, "reversed", "n6c256_k16_cancel", "terms in reverse"},
    {&dense::kForward, "eight_partial_sums", "n6c256_k16_cancel", "8 partial sums"},
    {&dense::kForward, "double_precision", "n6c256_k16_cancel", "sums in double precision"},
    {&dense::kForward, "tensor_float_32", "n6c256_k16_cancel", "factors cut to TensorFloat-32"},
    {&dense::kForward, "bias_first", "n6c256_k16_cancel", "the bias added first"},
    {&dense::kForward, "subnormals_flushed", "n13c300_k21_subnormal",
     "subnormals flushed to zero"},
    {&dense::kDataGradient, "final_zero_dropped", "n1c65_k2_v1_tiny",
     "no + 0.0f at the end of the dot"},
    {&dense::kWeightGradient, "leaves_left_to_right", "n64c32_k64", "leaves added left to right"},
    {&dense::kWeightGradient, "chains_cross_leaves", "n64c32_k64", "chains across leaves"},
    {&dense::kWeightGradient, "empty_leaves_skipped", "n6c16_k257_cancel",
     "empty leaves left out"},
    {&conv2d::kForward, "one_chain", "n1h6w5c113_k19r6s6p4_cancel", "one long chain"},
    {&conv2d::kForward, "absent_moves_borders", "n1h6w5c113_k19r6s6p4_cancel",
     "absent terms left out, so that chains move"},
    {&conv2d::kForward, "absent_as_zero", "n2h6w6c7_k9r3s3p2_nonfinite", "absent terms as zeros"},
    {&conv2d::kWeightGradient, "chain_of_256_terms", "n17h20w13c1_k6r3s3_cancel",
     "chains of 256 terms"},
};

const Kernel& BrokenKernelOf(const Op& op, std::string_view name) {
  for (const auto& some : {BrokenDots(), BrokenGradients(), BrokenSurroundings()}) {
    for (const BrokenKernel& broken : some) {
      if (broken.kernel.op == &op && broken.kernel.name == name) return broken.kernel;
    }
  }
  throw std::logic_error(fmt::format("no broken kernel {} of {}", name, op.name));
}

class ExplainTest : public testing::TestWithParam<Named> {};

TEST_P(ExplainTest, NamesTheOrder) {
  const auto& [op, broken, case_name, order] = GetParam();
  for (const std::int64_t seed : kSeeds) {
    const std::string case_id = fmt::format("{}_seed{}", case_name, seed);
    SCOPED_TRACE(case_id);
    const Cell cell = CellOf(BrokenKernelOf(*op, broken), case_id);
    const auto difference =
        Explain(cell, Judge::Execute(cell), Judge::Execute(CellOf(Reference(*op), case_id)));
    ASSERT_TRUE(difference) << "this case does not show the mistake";
    EXPECT_THAT(difference->orders, Contains(order));
    EXPECT_LE(difference->orders.size(), 2u) << DescribeOrders(*difference);
    EXPECT_THAT(Describe(*difference), HasSubstr(fmt::format("the bits of: ")));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExplainTest, testing::ValuesIn(kNamed), [](const auto& info) {
  return fmt::format("{}_{}", info.param.op->name, info.param.broken);
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
  const Cell cell = CellOf(BrokenKernelOf(dense::kForward, "reversed"), case_id);
  const Bitstream want = Judge::Execute(CellOf(Reference(dense::kForward), case_id));
  Bitstream got = Judge::Execute(cell);
  got[0] ^= std::byte{1};
  const auto difference = Explain(cell, got, want);
  ASSERT_TRUE(difference);
  EXPECT_THAT(difference->orders, IsEmpty());
  EXPECT_EQ(DescribeOrders(*difference), "no known wrong order has these bits");
}

TEST(ExplainTest, OperationsWithoutTerms) {
  const std::string case_id = "n7_seed812";
  const Cell cell = CellOf(Reference(activation::kReluForward), case_id);
  const Bitstream want = Judge::Execute(cell);
  Bitstream got = want;
  got[0] ^= std::byte{1};
  const auto difference = Explain(cell, got, want);
  ASSERT_TRUE(difference);
  EXPECT_EQ(DescribeOrders(*difference), "no wrong order is known for this operation");
}

}  // namespace
}  // namespace samebits
