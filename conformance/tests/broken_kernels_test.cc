// Every kernel broken on purpose is caught by a case of its operation, and told what it did.
#include "conformance/tests/broken_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "conformance/problem.h"
#include "conformance/tests/testing.h"
#include "kernels/core/registry.h"

namespace samebits {

void PrintTo(const BrokenKernel& broken, std::ostream* out) { PrintTo(broken.kernel, out); }

namespace {

using testing::HasSubstr;

// The cases that stress the order; the timed ones would only take longer.
std::vector<std::string> StressingCases(const Op& op) {
  std::vector<std::string> ids;
  for (const std::int64_t seed : kSeeds) {
    for (const std::string_view c : op.cases) ids.push_back(fmt::format("{}_seed{}", c, seed));
  }
  return ids;
}

std::vector<BrokenKernel> AllBrokenKernels() {
  std::vector<BrokenKernel> all;
  for (const auto& some : {BrokenDots(), BrokenGradients(), BrokenElements(), BrokenStorage(),
                           BrokenProducts(), BrokenSurroundings()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<Kernel> AllSoundKernels() {
  std::vector<Kernel> all;
  for (const auto& some :
       {SoundDots(), SoundGradients(), SoundElements(), SoundStorage(), SoundProducts()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

class BrokenKernelTest : public testing::TestWithParam<BrokenKernel> {};

TEST_P(BrokenKernelTest, IsCaught) {
  const BrokenKernel& broken = GetParam();
  const Op& op = *broken.kernel.op;
  const bool plain = broken.axis == "run" && broken.point == 1;
  for (const std::string& case_id : StressingCases(op)) {
    const TemporaryFolder folder;
    WriteGoldens(folder.path(), op, {{case_id}});
    Judge judge = JudgeIn(folder.path());
    ASSERT_EQ(judge.Evaluate(CellOf(Reference(op), case_id)).verdict, Verdict::kMatch);
    if (!plain) {
      ASSERT_EQ(judge.Evaluate(CellOf(broken.kernel, case_id)).verdict, Verdict::kMatch)
          << "wrong in the plain run, not only on the axis " << broken.axis;
    }
    const Cell cell = CellOf(broken.kernel, case_id, broken.axis, broken.point);
    const Outcome outcome = judge.Evaluate(cell);
    if (outcome.verdict == Verdict::kMatch) continue;
    if (outcome.verdict == Verdict::kUnavailable) GTEST_SKIP() << outcome.reason;

    ASSERT_EQ(outcome.verdict, Verdict::kMismatch);
    EXPECT_TRUE(outcome.Failed());
    const auto first =
        FirstDivergence(Problem(op, case_id).signature().outputs, Judge::Execute(cell),
                        Judge::Execute(CellOf(Reference(op), case_id)));
    EXPECT_THAT(outcome.reason, HasSubstr("the kernel is wrong: "));
    EXPECT_THAT(outcome.reason, HasSubstr(fmt::format("first {}: got ", first->element)));
    RecordProperty("caught_by", case_id);
    return;
  }
  FAIL() << "no case of " << op.name << " catches " << broken.kernel.name << ": add one that does";
}

INSTANTIATE_TEST_SUITE_P(All, BrokenKernelTest, testing::ValuesIn(AllBrokenKernels()),
                         [](const auto& info) {
                           const BrokenKernel& broken = info.param;
                           return fmt::format("{}_{}_{}{}", broken.kernel.op->name,
                                              broken.kernel.name, broken.axis, broken.point);
                         });

class SoundKernelTest : public testing::TestWithParam<Kernel> {};

TEST_P(SoundKernelTest, Matches) {
  const Op& op = *GetParam().op;
  const std::vector<std::string> cases = StressingCases(op);
  const TemporaryFolder folder;
  WriteGoldens(folder.path(), op, cases);
  Judge judge = JudgeIn(folder.path());
  for (const std::string& case_id : cases) {
    const Outcome outcome = judge.Evaluate(CellOf(GetParam(), case_id));
    EXPECT_EQ(outcome.verdict, Verdict::kMatch) << case_id << ": " << outcome.reason;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SoundKernelTest, testing::ValuesIn(AllSoundKernels()),
                         [](const auto& info) {
                           return fmt::format("{}_{}", info.param.op->name, info.param.name);
                         });

}  // namespace
}  // namespace samebits
