// The surroundings of a kernel: threads, floating-point state, scratch memory.
#include "kernels/core/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "conformance/problem.h"
#include "conformance/tests/testing.h"
#include "kernels/core/floating_point.h"
#include "kernels/core/registry.h"
#include "kernels/core/scratch.h"

namespace samebits {
namespace {

TEST(TeamTest, EveryTaskOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    Team team(threads);
    EXPECT_EQ(team.size(), threads);
    for (const std::int64_t tasks : {0, 1, 2, 5, 1000}) {
      std::vector<std::atomic<int>> times(static_cast<std::size_t>(tasks));
      team.Run(tasks, [&](std::int64_t task) { ++times[static_cast<std::size_t>(task)]; });
      for (const auto& count : times) EXPECT_EQ(count, 1);
    }
  }
}

TEST(TeamTest, RangesCoverAll) {
  for (const int threads : {1, 3}) {
    Team team(threads);
    for (const std::int64_t count : {0, 1, 9, 10, 11, 1001}) {
      std::vector<std::atomic<int>> times(static_cast<std::size_t>(count));
      team.RunRanges(count, 10, [&](std::int64_t begin, std::int64_t end) {
        EXPECT_LT(begin, end);
        for (std::int64_t i = begin; i < end; ++i) ++times[static_cast<std::size_t>(i)];
      });
      for (const auto& each : times) EXPECT_EQ(each, 1);
    }
  }
}

TEST(TeamTest, AnExceptionReachesTheCaller) {
  for (const int threads : {1, 2, 7}) {
    Team team(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      EXPECT_THROW(team.Run(100,
                            [](std::int64_t task) {
                              if (task % 10 == 3) throw std::runtime_error("task");
                            }),
                   std::runtime_error);
      std::atomic<int> done{0};
      team.Run(100, [&](std::int64_t) { ++done; });
      EXPECT_EQ(done, 100) << "the team works on";
    }
  }
}

#if defined(__x86_64__)
constexpr unsigned kMask = 0xffc0;  // all but the sticky flags of exceptions
constexpr unsigned kContract = 0x1f80;
// Flush to zero, subnormals are zero, round toward zero.
constexpr unsigned kHostile = kContract | 0x8000 | 0x0040 | 0x6000;

class HostileState {
 public:
  HostileState() { _mm_setcsr(kHostile); }
  ~HostileState() { _mm_setcsr(kContract); }
};

TEST(FloatingPointTest, ScopeForcesAndRestores) {
  const HostileState hostile;
  {
    const FloatingPointScope scope;
    EXPECT_EQ(FloatingPointControl() & kMask, kContract);
  }
  EXPECT_EQ(FloatingPointControl() & kMask, kHostile & kMask);
}

// Threads inherit the state of the thread that starts them.
TEST(FloatingPointTest, WorkersHaveTheContractsState) {
  const HostileState hostile;
  Team team(4);
  const auto caller = std::this_thread::get_id();
  std::atomic<int> wrong{0};
  for (int repeat = 0; repeat < 50; ++repeat) {
    team.Run(64, [&](std::int64_t) {
      if (std::this_thread::get_id() == caller) return;
      if ((FloatingPointControl() & kMask) != kContract) ++wrong;
    });
  }
  EXPECT_EQ(wrong, 0);
}

// Every kernel that claims the golden gives the same bits to a caller in any state.
TEST(FloatingPointTest, KernelsIgnoreTheCallersState) {
  for (const Kernel* kernel : AllKernels()) {
    const Op& op = *kernel->op;
    if (kernel->claim != Claim::kEverywhere || !kernel->backend->unavailable().empty()) continue;
    for (const std::string_view c : op.cases) {
      // Subnormals are what the hostile state changes first.
      if (!c.ends_with("subnormal") && !c.ends_with("tiny")) continue;
      const std::string case_id = std::string(c) + "_seed812";
      Problem problem(op, case_id);
      problem.PoisonOutputs();
      {
        const HostileState hostile;
        Team team(3);
        samebits::Run(*kernel, problem.case_of(), problem.buffers(), team);
        EXPECT_EQ(FloatingPointControl() & kMask, kHostile & kMask) << "given back";
      }
      EXPECT_EQ(DigestOf(problem.Outputs()), GoldenOf(op, case_id).output)
          << op.name << '/' << case_id << '@' << kernel->name;
    }
  }
}
#endif

TEST(ScratchTest, SlotsAreApartAlignedAndKept) {
  float* const weights = Scratch(ScratchSlot::kWeights, 100);
  float* const leaves = Scratch(ScratchSlot::kLeaves, 100);
  ASSERT_NE(weights, leaves);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(weights) % 64, 0u);
  std::iota(weights, weights + 100, 0.0f);
  std::memset(leaves, 0, 100 * sizeof(float));
  EXPECT_EQ(Scratch(ScratchSlot::kWeights, 50), weights) << "less needs no new memory";
  EXPECT_EQ(weights[99], 99.0f);
  float* const more = Scratch(ScratchSlot::kWeights, 1 << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(more) % 64, 0u);
  more[(1 << 20) - 1] = 1.0f;
}

TEST(ScratchTest, ThreadsHaveTheirOwn) {
  float* const mine = Scratch(ScratchSlot::kPartials, 10);
  float* other = nullptr;
  std::thread([&] { other = Scratch(ScratchSlot::kPartials, 10); }).join();
  EXPECT_NE(mine, other);
}

}  // namespace
}  // namespace samebits
