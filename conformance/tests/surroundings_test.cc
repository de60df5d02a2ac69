// What surrounds a kernel: every point of these axes changes something, and is taken back.
#include "conformance/surroundings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfenv>
#include <clocale>

#include "conformance/cell_run.h"
#include "conformance/tests/testing.h"
#include "kernels/core/floating_point.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

const Op& kDense = dense::kForward;
constexpr char kDenseCase[] = "n6c2_k65_tiny_seed812";

// Without samebits::Run's protection every state gives other bits, so the axis would show its lack.
TEST(SurroundingsTest, EveryFloatStateChangesBits) {
  const Bitstream want = Judge::Execute(CellOf(Reference(kDense), kDenseCase));
  for (const int point : {2, 3, 4}) {
    const Cell cell = CellOf(Reference(kDense), kDenseCase, "floatstate", point);
    if (!UnavailableReason(cell).empty()) continue;
    EXPECT_EQ(Judge::Execute(cell), want);
    Problem problem(kDense, kDenseCase);
    Team team(1);
    {
      const Surroundings surroundings(cell.SettingOf());
      Reference(kDense).run(problem.case_of(), problem.buffers(), team);
    }
    EXPECT_FALSE(problem.Outputs() == want) << point;
  }
}

TEST(SurroundingsTest, AreTakenBack) {
  const std::uint64_t control = FloatingPointControl();
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  Setting setting;
  setting.caller = CallerState::kTowardZero;
  setting.comma_locale = Lacking({.comma_locale = true}).empty();
  {
    const Surroundings surroundings(setting);
    EXPECT_NE(FloatingPointControl(), control);
    if (setting.comma_locale) {
      EXPECT_STREQ(std::localeconv()->decimal_point, ",");
    }
  }
  EXPECT_EQ(FloatingPointControl(), control);
  EXPECT_EQ(std::setlocale(LC_ALL, nullptr), locale);
}

TEST(SurroundingsTest, AChangedStateShows) {
  const Surroundings surroundings(Setting{});
  EXPECT_TRUE(surroundings.StateKept());
  SetFloatingPointControl(*ForeignControl(FE_UPWARD, false));
  EXPECT_FALSE(surroundings.StateKept());
}

// A kernel that leaves another state, on all of its threads, hurts neither its caller nor the next
// kernel of the same threads.
void LeavesState(const Case& id, const Buffers& buffers, Team& team) {
  Reference(kDense).run(id, buffers, team);
  team.Run(64, [](std::int64_t) { SetFloatingPointControl(*ForeignControl(FE_UPWARD, false)); });
}

TEST(SurroundingsTest, ALeftStateIsTakenBack) {
  const Kernel kernel{&kDense, "leaves_state", Reference(kDense).backend, Claim::kEverywhere,
                      LeavesState};
  const Bitstream want = Judge::Execute(CellOf(Reference(kDense), kDenseCase));
  CellRun run(CellOf(kernel, kDenseCase, "threads", 3));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run.Once(), want);
  EXPECT_EQ(run.fault(), "");
}

template <std::int64_t at>  // from the first output (negative) or from the end
void WritesOutside(const Case& id, const Buffers& buffers, Team& team) {
  Reference(kDense).run(id, buffers, team);
  buffers.out(0)[at < 0 ? at : id.Get("n") * id.Get("k") + at] = 0.0f;
}

TEST(SurroundingsTest, WritingOutsideIsAMismatch) {
  const TemporaryFolder folder;
  WriteGoldens(folder.path(), kDense, {{kDenseCase}});
  for (KernelFunction* run :
       {WritesOutside<-1>, WritesOutside<-32>, WritesOutside<0>, WritesOutside<31>}) {
    const Kernel kernel{&kDense, "outside", Reference(kDense).backend, Claim::kEverywhere, run};
    for (const int offset : {0, 1, 15}) {
      Judge judge = JudgeIn(folder.path());
      const Outcome outcome = judge.Evaluate(CellOf(kernel, kDenseCase, "alignment", offset));
      EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
      EXPECT_EQ(outcome.reason, "the kernel wrote outside of y");
    }
  }
}

// Every tensor of every operation that falls into samples is cut where its samples begin.
TEST(SurroundingsTest, PiecesAreTheWhole) {
  for (const Op* op : AllOps()) {
    if (!op->splits_batch) continue;
    const std::string case_id = StoredCaseId(*op, 812);
    const Bitstream want = Judge::Execute(CellOf(Reference(*op), case_id));
    for (const int samples : {1, 2, 3}) {
      EXPECT_EQ(Judge::Execute(CellOf(Reference(*op), case_id, "batch", samples)), want)
          << op->name << '/' << case_id << " in pieces of " << samples;
    }
  }
}

TEST(SurroundingsTest, WorkersLeavesAreTheWhole) {
  for (const Op* op : AllOps()) {
    if (!op->sums_leaves) continue;
    const std::string case_id = StoredCaseId(*op, 812);
    const Bitstream want = Judge::Execute(CellOf(Reference(*op), case_id));
    for (const int workers : {2, 3, 5, 8, 64}) {
      EXPECT_EQ(Judge::Execute(CellOf(Reference(*op), case_id, "workers", workers)), want)
          << op->name << '/' << case_id << " with " << workers << " workers";
    }
  }
}

}  // namespace
}  // namespace samebits
