// What cuDNN can be asked without a GPU.
#include "kernels/comparators/cudnn.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "conformance/plan.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits {
namespace {

using comparators::CudnnEngines;
using comparators::CudnnOffer;

constexpr const Op* kConvolutions[] = {&conv2d::kForward, &conv2d::kDataGradient,
                                       &conv2d::kWeightGradient};

// An H100's, written down from NVIDIA's data sheet and programming guide: of no GPU that was here.
constexpr char kH100[] = R"({
  "deviceName": "H100 by its data sheet", "deviceVer": 900, "cudaDeviceId": 0, "driverVer": 13000,
  "pciDeviceId": 9008, "isTccDriver": 0, "supportCoopLaunch": 1, "warpSize": 32,
  "multiProcessorCount": 132, "maxGridSize": [2147483647, 65535, 65535],
  "maxBlockSize": [1024, 1024, 64], "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,
  "maxCtasPerSM": 32, "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024, "l2CacheSize": 52428800, "totalGlobalMem": 85045870592,
  "smClockRateKHz": 1980000, "memClockRateKHz": 2619000})";

// Skips the test where there is no library.
class CudnnTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      comparators::CudnnEngineCount(conv2d::kForward, Case::Parse(CaseIds(conv2d::kForward)[0]));
    } catch (const UnavailableError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

// Strides, dilations and paddings as cuDNN takes them.
TEST_F(CudnnTest, TakesEveryConvolution) {
  for (const Op* op : kConvolutions) {
    for (const std::string& id : CaseIds(*op)) {
      SCOPED_TRACE(fmt::format("{}/{}", op->name, id));
      EXPECT_NO_THROW(EXPECT_GT(comparators::CudnnEngineCount(*op, Case::Parse(id)), 0));
    }
  }
}

bool OffersSome(const std::vector<CudnnOffer>& offers, CudnnEngines engines) {
  return std::ranges::any_of(offers, [&](const auto& offer) { return IsAmong(offer, engines); });
}

// Of every kind that is a row of the registry.
TEST_F(CudnnTest, OffersEnginesForAGpuThatIsElsewhere) {
  for (const Op* op : kConvolutions) {
    bool any_moves = false;
    for (const std::string_view timed : op->timed_cases) {
      SCOPED_TRACE(fmt::format("{}/{}", op->name, timed));
      const auto offers =
          comparators::CudnnOffers(*op, Case::Parse(fmt::format("{}_seed812", timed)), kH100);
      EXPECT_TRUE(OffersSome(offers, CudnnEngines::kDeterministicBinary32));
      for (const CudnnOffer& offer : offers) {
        EXPECT_TRUE(IsAmong(offer, CudnnEngines::kAny));
        EXPECT_NE(IsAmong(offer, CudnnEngines::kDeterministic),
                  IsAmong(offer, CudnnEngines::kNondeterministic));
      }
      any_moves |= OffersSome(offers, CudnnEngines::kNondeterministic);
    }
    // Sums over all pixels, or over all filters, are where engines add by atomics.
    EXPECT_EQ(any_moves, op != &conv2d::kForward) << op->name;
  }
}

// Windows, strides and paddings, too.
TEST_F(CudnnTest, PoolsToTheSameSize) {
  for (const Op* op :
       {&pool2d::kMaxForward, &pool2d::kAverageForward, &pool2d::kGlobalAverageForward}) {
    for (const std::string& id : CaseIds(*op)) {
      SCOPED_TRACE(fmt::format("{}/{}", op->name, id));
      const Case c = Case::Parse(id);
      const pool2d::Shape s = pool2d::ShapeOf(c);
      EXPECT_EQ(comparators::CudnnPoolingOutput(c), std::pair(int(s.oh), int(s.ow)));
    }
  }
}

TEST_F(CudnnTest, RefusesWhatIsNoGpu) {
  const Case c = Case::Parse(CaseIds(conv2d::kForward)[0]);
  EXPECT_THROW(comparators::CudnnOffers(conv2d::kForward, c, "{}"), UserError);
  EXPECT_THROW(comparators::CudnnOffers(conv2d::kForward, c, "not JSON"), UserError);
}

}  // namespace
}  // namespace samebits
