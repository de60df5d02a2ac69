// The emulator of GPUs finds kernels whose bits hang on the order of threads: right ones hold under
// every schedule, each broken one moves under some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <vector>

#include "kernels/cuda/device.h"

namespace samebits::cuda_emulated {
namespace {

using testing::HasSubstr;

constexpr int kSchedules = 22;  // as the axis has
constexpr unsigned kBlock = 64;

class NoScratch : public DeviceStream {
 public:
  void* ScratchBytes(std::size_t) override { throw std::logic_error("no scratch here"); }
  int processors() override { return 1; }
};

float Input(unsigned i) { return 1.0f / static_cast<float>(3 * i + 1); }

struct Values {
  float values[kBlock];
  float sum;
};

// The bits that a kernel of two blocks gives, over all schedules.
template <class Kernel>
std::set<std::uint32_t> BitsOf(const Kernel& kernel) {
  std::set<std::uint32_t> bits;
  for (int schedule = 0; schedule < kSchedules; ++schedule) {
    SetEmulatedSchedule(schedule);
    NoScratch stream;
    std::vector<float> out(2, -1.0f);
    Launch(stream, {2}, kBlock, kernel, out.data());
    for (const float value : out) bits.insert(std::bit_cast<std::uint32_t>(value));
  }
  SetEmulatedSchedule(kInOrder);
  return bits;
}

// Thread 0 adds what all wrote, in order.
template <bool waits>
void SumByOne(float* out) {
  auto& shared = Shared<Values>();
  shared.values[threadIdx.x] = Input(threadIdx.x);
  if (waits) __syncthreads();
  if (threadIdx.x != 0) return;
  float sum = 0.0f;
  for (const float value : shared.values) sum += value;
  out[blockIdx.x] = sum;
}

// Every thread adds its own when it gets there, as atomics do.
void SumAsTheyCome(float* out) {
  auto& shared = Shared<Values>();
  if (threadIdx.x == 0) shared.sum = 0.0f;
  __syncthreads();
  shared.sum += Input(threadIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x] = shared.sum;
}

// A warp's tree through shared memory; every lane waits for its warp between two levels.
template <bool waits>
void TreeOfWarp(float* out) {
  auto& shared = Shared<Values>();
  const unsigned lane = threadIdx.x;
  shared.values[lane] = Input(lane);
  __syncthreads();
  if (lane >= 32) return;
  for (unsigned step = 16; step > 0; step /= 2) {
    const float other = shared.values[lane + step];
    if (waits) __syncwarp();
    shared.values[lane] += other;
    if (waits) __syncwarp();
  }
  if (lane == 0) out[blockIdx.x] = shared.values[0];
}

void TreeByShuffles(float* out) {
  float sum = Input(threadIdx.x % 32);
  for (int lanes = 1; lanes < 32; lanes *= 2) sum += __shfl_xor_sync(~0U, sum, lanes);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

// Writes what shared memory holds when nobody wrote it.
void ReadUnwritten(float* out) { out[blockIdx.x] = Shared<Values>().sum; }

// One lane ends before its warp meets.
void LeaveTheWarp(float*) {
  if (threadIdx.x == 5) return;
  __syncwarp();
}

TEST(EmulatorTest, RightKernelsHoldUnderEverySchedule) {
  EXPECT_EQ(BitsOf(SumByOne<true>).size(), 1U);
  EXPECT_EQ(BitsOf(TreeOfWarp<true>).size(), 1U);
  EXPECT_EQ(BitsOf(TreeByShuffles).size(), 1U);
}

TEST(EmulatorTest, ABarrierTakenAwayIsFound) { EXPECT_GT(BitsOf(SumByOne<false>).size(), 1U); }

TEST(EmulatorTest, AWarpThatDoesNotWaitIsFound) { EXPECT_GT(BitsOf(TreeOfWarp<false>).size(), 1U); }

TEST(EmulatorTest, AnOrderMadeByAtomicsIsFound) { EXPECT_GT(BitsOf(SumAsTheyCome).size(), 1U); }

TEST(EmulatorTest, SharedMemoryStartsAsNaN) {
  for (const std::uint32_t bits : BitsOf(ReadUnwritten)) {
    const auto value = std::bit_cast<float>(bits);
    EXPECT_NE(value, value);
  }
}

TEST(EmulatorTest, AKernelThatIsStuckIsSaid) {
  NoScratch stream;
  float out;
  const auto launch = [&] { Launch(stream, {1}, kBlock, LeaveTheWarp, &out); };
  EXPECT_THAT(launch, testing::ThrowsMessage<std::logic_error>(
                          HasSubstr("block (0, 0, 0) is stuck: 0 threads wait for their block, 31 "
                                    "for their warp, 33 ended")));
  // And the next one starts anew.
  EXPECT_EQ(BitsOf(SumByOne<true>).size(), 1U);
}

}  // namespace
}  // namespace samebits::cuda_emulated
