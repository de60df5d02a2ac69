// Prices: what may be timed, what an interval says, lists as files.
#include "benchmarks/price.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "benchmarks/batch_prices.h"
#include "benchmarks/price_list.h"
#include "kernels/activation/activation.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/stream.h"
#include "kernels/softmax/softmax.h"

namespace samebits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

int g_calls = 0;

// The fastest relu there could be: it forgets the last element.
void Broken(const Case& c, const Buffers& buffers, Team& team) {
  ++g_calls;
  FindKernel(activation::kReluForward, "portable")->run(c, buffers, team);
  buffers.out(0)[c.Get("n") - 1] = -1.0f;
}
// A library of another function.
void Other(const Case& c, const Buffers& buffers, Team&) {
  ++g_calls;
  std::fill_n(buffers.out(0), c.Get("n"), 0.0f);
}

PriceList PricesOfRelu(std::vector<const Kernel*> kernels) {
  PriceSettings settings;
  settings.threads = {1};
  settings.filter = "relu_fwd_v1/n1843200*";
  settings.batches = false;
  settings.rounds.seconds = 1e-4;
  g_calls = 0;
  return Prices(kernels, settings, [](const std::string&) {});
}

const Kernel* Portable() { return FindKernel(activation::kReluForward, "portable"); }

TEST(PriceTest, AKernelWithWrongBitsIsNotTimed) {
  const Kernel broken{&activation::kReluForward, "broken", &kCpu, Claim::kEverywhere, Broken};
  const PriceList list = PricesOfRelu({&broken, Portable()});
  EXPECT_EQ(g_calls, 1) << "once, for its bits";
  ASSERT_THAT(list.wrong, SizeIs(1));
  EXPECT_THAT(list.wrong[0], HasSubstr("relu_fwd_v1/n1843200_seed812@broken#threads=1: mismatch"));
  for (const Price& price : list.prices) EXPECT_EQ(price.kernel, "portable");
}

TEST(PriceTest, AWrongKernelAloneHasNoPrice) {
  const Kernel broken{&activation::kReluForward, "broken", &kCpu, Claim::kEverywhere, Broken};
  const PriceList list = PricesOfRelu({&broken});
  EXPECT_THAT(list.prices, IsEmpty());
  EXPECT_THAT(list.wrong, SizeIs(1));
}

TEST(PriceTest, ALibraryOfAnotherFunctionIsNoComparator) {
  const Kernel other{&activation::kReluForward, "other", &kCpu, Claim::kRun, Other};
  const PriceList list = PricesOfRelu({Portable(), &other});
  ASSERT_THAT(list.wrong, SizeIs(1));
  EXPECT_THAT(list.wrong[0], HasSubstr("@other#threads=1: gives something else"));
  ASSERT_FALSE(list.prices.empty());
  EXPECT_EQ(list.prices[0].fastest, kBandwidth);
}

// Without a library the bandwidth stands for one; a rung for every claim.
TEST(PriceTest, EveryClaimHasARung) {
  const PriceList list = PricesOfRelu({Portable()});
  std::vector<std::string> claims;
  for (const Price& price : list.prices) {
    claims.push_back(price.claim);
    EXPECT_EQ(price.fastest, kBandwidth);
    EXPECT_TRUE(price.verified);
    EXPECT_LE(price.ratio.low, price.ratio.value);
    EXPECT_LE(price.ratio.value, price.ratio.high);
    EXPECT_GT(price.peak_fraction, 0);
  }
  EXPECT_THAT(claims, ElementsAre("none", "run", "machine", "everywhere"));
}

// On tensors that stay there.
PriceList PricesOnEmulator(std::vector<const Kernel*> kernels, const std::string& filter) {
  PriceSettings settings;
  settings.device = &kCudaEmulated;
  settings.filter = filter;
  settings.rounds = {.count = 3, .seconds = 1e-6};
  return Prices(kernels, settings, [](const std::string&) {});
}

class DevicePriceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = kCudaEmulated.unavailable(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }
};

TEST_F(DevicePriceTest, AgainstEachLibrary) {
  const std::string filter = "maxpool2d_bwd_v1/n64h13w13c32*";
  const std::vector<const Kernel*> all(AllKernels().begin(), AllKernels().end());
  const PriceList list = PricesOnEmulator(all, filter);
  ASSERT_FALSE(list.prices.empty());
  const Price& price = list.prices.back();
  EXPECT_EQ(price.claim, kEverywhere);
  EXPECT_EQ(price.kernel, "cuda_emulated");
  EXPECT_EQ(price.fastest, "atomic_emulated");
  EXPECT_TRUE(price.verified);
  EXPECT_GT(price.seconds, 0);
  EXPECT_EQ(list.device, "cuda_emulated");
  ASSERT_THAT(list.libraries, SizeIs(1));
  EXPECT_EQ(list.libraries[0].library, "atomic_emulated");
  EXPECT_EQ(list.libraries[0].claim, "none");
  EXPECT_EQ(list.libraries[0].ratio.value, price.ratio.value);
}

// Its memory's copy stands for a library.
TEST_F(DevicePriceTest, AgainstItsBandwidth) {
  const PriceList list = PricesOnEmulator({FindKernel(activation::kReluForward, "cuda_emulated")},
                                          "relu_fwd_v1/n1843200*");
  ASSERT_FALSE(list.prices.empty());
  EXPECT_EQ(list.prices.back().fastest, kBandwidth);
  EXPECT_GT(list.prices.back().peak_fraction, 0);
  EXPECT_THAT(list.libraries, IsEmpty());
}

void Fails(const Case&, const Buffers& buffers, Team&) {
  RunOnEmulator(buffers,
                [](const Buffers&, DeviceStream&) { throw std::runtime_error("no such engine"); });
}

TEST_F(DevicePriceTest, WhatFailsLeavesTheOthers) {
  const Kernel library{&activation::kReluForward, "library", &kCudaEmulated, Claim::kRun, Fails};
  const Kernel ours{&activation::kReluForward, "ours", &kCudaEmulated, Claim::kEverywhere, Fails};
  const PriceList list =
      PricesOnEmulator({&library, &ours, FindKernel(activation::kReluForward, "cuda_emulated")},
                       "relu_fwd_v1/n1843200*");
  ASSERT_THAT(list.absent, SizeIs(1));
  EXPECT_THAT(list.absent[0], HasSubstr("@library: no such engine"));
  ASSERT_THAT(list.wrong, SizeIs(1));
  EXPECT_THAT(list.wrong[0], HasSubstr("@ours: no such engine"));
  ASSERT_FALSE(list.prices.empty());
  EXPECT_EQ(list.prices.back().kernel, "cuda_emulated");
}

TEST(PriceTest, SaysWhatTheBudgetLeftOut) {
  PriceSettings settings;
  settings.threads = {1, 2};
  settings.filter = "softmax_fwd_v1/*";
  settings.batches = false;
  settings.rounds = {.count = 3, .seconds = 0.5};
  settings.budget = 1;
  const PriceList list = Prices(std::vector{FindKernel(softmax::kForward, "portable")}, settings,
                                [](const std::string&) {});
  EXPECT_THAT(list.prices, testing::Not(IsEmpty()));
  EXPECT_THAT(list.absent.back(), testing::EndsWith("cases: the 1 seconds were over"));
}

TEST(PriceTest, TimePerImageOfALayer) {
  PriceList list;
  list.rounds = {.count = 3, .seconds = 1e-6};
  AddBatchPrices(std::vector{FindKernel(activation::kReluBackward, "portable")}, list,
                 [](const std::string&) {});
  EXPECT_THAT(list.wrong, IsEmpty());
  ASSERT_THAT(list.batches, SizeIs(4));
  EXPECT_EQ(list.batches[0].to_smallest.value, 1);
  EXPECT_EQ(list.batches[3].batch, 4096);
  EXPECT_GT(list.batches[3].seconds_per_image, 0);
}

TEST(PriceTest, NothingMatches) {
  PriceSettings settings;
  settings.filter = "nothing";
  EXPECT_THROW(Prices(AllKernels(), settings, [](const std::string&) {}), UserError);
}

TEST(RoundsTest, TakesEveryRoundOfEveryContestant) {
  int runs[2] = {};
  const auto times = TimeInRounds({{"a", [&] { ++runs[0]; }}, {"b", [&] { ++runs[1]; }}},
                                  {.count = 9, .seconds = 1e-6}, Clock::kWall);
  ASSERT_THAT(times, SizeIs(2));
  for (const auto& own : times) EXPECT_THAT(own, SizeIs(9));
  EXPECT_GT(runs[0], 18);
  EXPECT_GT(runs[1], 18);
}

// The processor's time, not that of a thread that waits for it.
TEST(RoundsTest, AThreadsOwnTime) {
  const std::vector<Contestant> sleeper = {
      {"sleeper", [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }}};
  const Rounds rounds = {.count = 3, .seconds = 1e-6};
  EXPECT_LT(Median(TimeInRounds(sleeper, rounds, Clock::kThread)[0]), 1e-3);
  EXPECT_GT(Median(TimeInRounds(sleeper, rounds, Clock::kWall)[0]), 1e-3);
}

TEST(RoundsTest, RatioOfRounds) {
  const Ratio same = RatioOf({2, 4, 6}, {1, 2, 3});  // whatever slows both says nothing
  EXPECT_EQ(same.value, 2);
  EXPECT_EQ(same.low, 2);
  EXPECT_EQ(same.high, 2);
  const Ratio wide = RatioOf({1, 2, 3, 4, 5, 6, 7, 8, 9}, std::vector<double>(9, 5));
  EXPECT_EQ(wide.value, 1);
  EXPECT_LT(wide.low, 1);
  EXPECT_GT(wide.high, 1);
}

Price PriceAt(double low, double value, double high, std::string claim = kEverywhere) {
  return {.group = "gemm",
          .operation = "dense_fwd_v1",
          .case_id = "n64c32_k64_seed812",
          .threads = 1,
          .claim = std::move(claim),
          .kernel = "avx2",
          .fastest = "onednn",
          .ratio = {value, low, high},
          .outcome = "inconclusive",
          .seconds = 1e-3,
          .flops = 1e6,
          .bytes = 1e5,
          .peak_fraction = 0.5,
          .verified = true};
}

std::string MoveFrom(const Price& before, const Price& now) {
  const PriceList a{.prices = {before}}, b{.prices = {now}};
  const std::vector<Move> moves = MovesOf(a, b);
  return moves.empty() ? "none" : moves[0].outcome;
}

TEST(PriceListTest, MovesBeyondBothIntervals) {
  const Price before = PriceAt(0.95, 1.0, 1.05);
  EXPECT_EQ(MoveFrom(before, PriceAt(1.06, 1.1, 1.2)), "faster");
  EXPECT_EQ(MoveFrom(before, PriceAt(0.8, 0.9, 0.94)), "slower");
  EXPECT_EQ(MoveFrom(before, PriceAt(0.8, 0.9, 0.95)), "inconclusive");
  EXPECT_EQ(MoveFrom(before, before), "inconclusive");
  EXPECT_EQ(MoveFrom(before, PriceAt(0.8, 0.9, 0.94, "run")), "none");
}

TEST(PriceListTest, SeveralThreadsOfABusyMachineSayNothing) {
  Price before = PriceAt(0.95, 1.0, 1.05), now = PriceAt(0.8, 0.9, 0.94);
  before.threads = now.threads = 2;
  PriceList a{.prices = {before}}, b{.prices = {now}};
  EXPECT_EQ(MovesOf(a, b).at(0).outcome, "slower");
  Conclude(b);
  EXPECT_EQ(b.prices[0].outcome, "slower");
  EXPECT_EQ(GeometricMeans(b).size(), 1u);
  b.waiting = 0.1;
  EXPECT_EQ(MovesOf(a, b).at(0).outcome, "inconclusive");
  Conclude(b);
  EXPECT_EQ(b.prices[0].outcome, "inconclusive");
  EXPECT_EQ(GeometricMeans(b).size(), 0u);
}

TEST(PriceListTest, GeometricMeansOfTheGoldensBits) {
  const auto means =
      GeometricMeans({.prices = {PriceAt(1, 2, 3), PriceAt(7, 8, 9), PriceAt(1, 1, 1, "run")}});
  EXPECT_EQ(means.size(), 1u);
  EXPECT_DOUBLE_EQ(means.at("gemm"), 4);
}

class PriceFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "pricesXXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string ErrorOf(const std::string& text) {
    std::ofstream(folder_ / "prices.json") << text;
    try {
      ReadPrices(folder_ / "prices.json");
    } catch (const UserError& error) {
      return error.what();
    }
    return "none";
  }

  std::filesystem::path folder_;
};

TEST_F(PriceFileTest, ReadsWhatItWrote) {
  PriceList list{.prices = {PriceAt(1, 2, 3)}, .peaks = {{1, 80.0, 20.0}}};
  list.batches.push_back({"dense_fwd_v1", "n64c32_k64_seed812", "avx2", 64, 1e-6, {1, 1, 1}});
  list.drifts.push_back({"onednn", 3, 2, 1, 0});
  list.absent = {"blis: not installed"};
  list.device = "cuda";
  list.libraries.push_back(
      {"dense_fwd_v1", "n64c32_k64_seed812", "cublas", "run", "cuda", {1, 1, 1}, 1e-6});
  const std::string text = JsonOf(list).dump();
  ASSERT_EQ(ErrorOf(text), "none");
  EXPECT_EQ(JsonOf(ReadPrices(folder_ / "prices.json")).dump(), text);
}

TEST_F(PriceFileTest, RefusesWhatItDidNotWrite) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("prices.json: not a list"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("prices.json: not a list"));
  EXPECT_THAT(ErrorOf("{\"rows\": [{}]}"), HasSubstr("prices.json: not a list"));
  EXPECT_THROW(ReadPrices(folder_ / "nowhere.json"), UserError);
}

}  // namespace
}  // namespace samebits
