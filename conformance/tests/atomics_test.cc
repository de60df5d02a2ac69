// Gradients summed by atomics move with the order of threads, ours do not: the axis schedule tells
// one from the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "conformance/tests/testing.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

std::set<std::string> DigestsOver(const Op& op, const char* kernel, const std::string& case_id) {
  std::set<std::string> digests;
  for (int schedule = 0; schedule < 6; ++schedule) {
    const Cell cell = CellOf(*FindKernel(op, kernel), case_id, "schedule", schedule);
    digests.insert(DigestOf(Judge::Execute(cell)).whole);
  }
  return digests;
}

// The operation's first case whose sums by atomics move, if any.
std::string MovedCase(const Op& op) {
  for (const std::string_view c : op.cases) {
    const std::string case_id = std::string(c) + "_seed812";
    if (DigestsOver(op, "atomic_emulated", case_id).size() > 1) return case_id;
  }
  return {};
}

TEST(AtomicsTest, MoveWithTheOrderOfThreads) {
  if (!kCudaEmulated.unavailable().empty()) GTEST_SKIP() << kCudaEmulated.unavailable();
  for (const char* name : {"conv2d_wgrad_v1", "maxpool2d_bwd_v1", "embedding_bwd_v1"}) {
    const Op& op = *FindOp(name);
    const std::string case_id = MovedCase(op);
    ASSERT_NE(case_id, "") << name;
    EXPECT_EQ(DigestsOver(op, "cuda_emulated", case_id).size(), 1U) << name << '/' << case_id;
    const Outcome outcome =
        JudgeIn(GoldenDirectory()).Evaluate(CellOf(*FindKernel(op, "atomic_emulated"), case_id));
    EXPECT_FALSE(outcome.Failed()) << "recorded, not failed: " << outcome.reason;
  }
}

}  // namespace
}  // namespace samebits
