// The surroundings of a kernel: threads, floating-point state, scratch memory.
#include "kernels/core/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/core/floating_point.h"
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

// Subnormals flushed where the processor can, and rounding toward zero.
std::uint64_t HostileControl() {
  const auto flush = ForeignControl(FE_TOWARDZERO, true);
  return flush ? *flush : *ForeignControl(FE_TOWARDZERO, false);
}

class HostileState {
 public:
  HostileState() { SetFloatingPointControl(HostileControl()); }
  ~HostileState() { SetFloatingPointControl(former_); }

 private:
  const std::uint64_t former_ = FloatingPointControl();
};

std::uint64_t ContractControl() { return *ForeignControl(FE_TONEAREST, false); }

TEST(FloatingPointTest, ScopeForcesAndRestores) {
  const HostileState hostile;
  {
    const FloatingPointScope scope;
    EXPECT_EQ(FloatingPointControl(), ContractControl());
  }
  EXPECT_EQ(FloatingPointControl(), HostileControl());
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
      if (FloatingPointControl() != ContractControl()) ++wrong;
    });
  }
  EXPECT_EQ(wrong, 0);
}

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
