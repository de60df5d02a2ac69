// The axis "pipeline" catches a pipeline whose order depends on its threads or on its prefetching.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "conformance/tests/testing.h"
#include "kernels/core/cpu.h"
#include "kernels/core/pipeline_plan.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

const Op* Batches() { return FindOp("image_batches_v1"); }

// The right batches; those of one epoch trade the first two places where the plan is `moves`.
template <bool (*moves)(const PipelinePlan&)>
void Traded(const Case& c, const Buffers& buffers, Team& team) {
  Reference(*Batches()).run(c, buffers, team);
  if (!moves(CurrentPipelinePlan()) || c.Get("n") < 2 * c.Get("b")) return;
  const auto image = static_cast<std::ptrdiff_t>(32 * 32);
  float* const y = buffers.out(0);
  std::swap_ranges(y, y + c.Get("b") * image, y + c.Get("b") * image);
}

bool ManyThreads(const PipelinePlan& plan) { return plan.map_threads > 2; }
bool FarAhead(const PipelinePlan& plan) { return plan.prefetch > 4; }

class PipelineAxis : public testing::Test {
 protected:
  void SetUp() override {
    if (Batches() == nullptr) GTEST_SKIP() << "a cross build has no data pipeline";
  }

  static Verdict VerdictOf(KernelFunction* run, int point) {
    const Kernel kernel{Batches(), "traded", &kCpu, Claim::kEverywhere, run};
    const std::string case_id = StoredCaseId(*Batches(), 812);
    const TemporaryFolder folder;
    WriteGoldens(folder.path(), *Batches(), {{case_id}});
    Judge judge = JudgeIn(folder.path());
    return judge.Evaluate(CellOf(kernel, case_id, "pipeline", point)).verdict;
  }
};

TEST_F(PipelineAxis, OrderByThreadsIsCaught) {
  constexpr KernelFunction* kBroken = Traded<ManyThreads>;
  EXPECT_EQ(VerdictOf(kBroken, 12), Verdict::kMatch);
  EXPECT_EQ(VerdictOf(kBroken, 35), Verdict::kMismatch);
}

TEST_F(PipelineAxis, OrderByPrefetchIsCaught) {
  constexpr KernelFunction* kBroken = Traded<FarAhead>;
  EXPECT_EQ(VerdictOf(kBroken, 12), Verdict::kMatch);
  EXPECT_EQ(VerdictOf(kBroken, 11), Verdict::kMatch);
  EXPECT_EQ(VerdictOf(kBroken, 35), Verdict::kMismatch);
}

}  // namespace
}  // namespace samebits
