// Training on a device, by the emulator, whose memory is its own: what stays there, what is copied,
// and what is replayed, give the bits of the processor.
#include "kernels/cuda/session.h"

#include <array>

#include "kernels/activation/activation.h"
#include "kernels/core/registry.h"
#include "kernels/embedding/embedding.h"
#include "model/tests/testing.h"
#include "model/train_op.h"

namespace samebits {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = kCudaEmulated.unavailable(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    session_ = std::make_unique<DeviceSession>(OpenDevice(kCudaEmulated));
  }

  using Values = std::array<float, 3>;

  void Relu(const float* x, float* y) {
    const Op& op = activation::kReluForward;
    const Case c = Case::Parse("n3");
    Team team(1);
    const DeviceSession::Scope scope(session_.get(), op, c);
    samebits::Run(*FindKernel(op, "cuda_emulated"), c, {{x}, {y}}, team);
  }

  std::unique_ptr<DeviceSession> session_;
};

TEST_F(SessionTest, WhatComesAgainIsOneGraph) {
  Values y{}, z{};
  session_->Keep(y.data(), sizeof y);
  for (const float first : {1.0f, 2.0f, 3.0f, 4.0f}) {
    const Values x = {first, -first, 0.5f};
    Relu(x.data(), y.data());
    Relu(y.data(), z.data());
    EXPECT_EQ(z[0], first == 1.0f ? 0.0f : first - 1.0f) << "not put off";
    session_->Read(y.data());
    EXPECT_EQ(y, (Values{first, 0.0f, 0.5f}));
    EXPECT_EQ(z, y);
  }
  EXPECT_EQ(session_->graphs_launched(), 3);
}

// One place in memory with other bytes in it, in one program.
TEST_F(SessionTest, InputsAreTakenWhenTheKernelIsRun) {
  Values x = {1.0f, 2.0f, 3.0f}, y{}, z{};
  Relu(x.data(), y.data());
  x = {4.0f, 5.0f, 6.0f};
  Relu(x.data(), z.data());
  session_->Flush();
  EXPECT_EQ(y, (Values{1.0f, 2.0f, 3.0f}));
  EXPECT_EQ(z, (Values{4.0f, 5.0f, 6.0f}));
}

TEST_F(SessionTest, WhatWasPutOffIsThereForWhatReadsIt) {
  const Values x = {1.0f, -2.0f, 3.0f};
  Values y = {9.0f, 9.0f, 9.0f}, z{};
  Relu(x.data(), y.data());
  Relu(y.data(), z.data());
  session_->Flush();
  EXPECT_EQ(z, (Values{1.0f, 0.0f, 3.0f}));
}

TEST_F(SessionTest, TheHostSaysWhenItWrites) {
  Values x = {1.0f, 2.0f, 3.0f}, y{};
  session_->Keep(x.data(), sizeof x);
  Relu(x.data(), y.data());
  session_->Flush();
  x[0] = 7.0f;
  Relu(x.data(), y.data());
  session_->Flush();
  EXPECT_EQ(y[0], 1.0f) << "the copy on the device is the tensor";
  session_->Wrote(x.data());
  Relu(x.data(), y.data());
  session_->Flush();
  EXPECT_EQ(y[0], 7.0f);
}

// The emulator copies beside other work as late as it may.
TEST_F(SessionTest, CopiesBesideOtherWorkAreWaitedFor) {
  const std::unique_ptr<Device> device = OpenDevice(kCudaEmulated);
  float x = 1.0f;
  auto* const there = static_cast<float*>(device->Allocate(sizeof x));
  device->UploadBeside(there, &x, sizeof x);
  EXPECT_NE(*there, 1.0f) << "nobody has waited";
  device->JoinUploads();
  EXPECT_EQ(*there, 1.0f);
}

TEST_F(SessionTest, WhatIsPrefetchedIsTakenByTurns) {
  Values rows[2] = {}, y = {-1.0f, -1.0f, -1.0f};
  for (const int step : {0, 1, 2, 3, 4, 5, 6, 7}) {
    Values& x = rows[step % 2];
    x = {static_cast<float>(step), -1.0f, 0.5f};
    session_->Prefetch(x.data(), sizeof x);
    Relu(x.data(), y.data());
    session_->Start();
    EXPECT_NE(y[0], x[0]) << "nobody has waited";
    // Ahead of a kernel that takes it, while the device may still read the one before.
    Values& next = rows[(step + 1) % 2];
    next = {static_cast<float>(step + 1), -1.0f, 0.5f};
    session_->Prefetch(next.data(), sizeof next);
    session_->Flush();
    EXPECT_EQ(y, (Values{x[0], 0.0f, 0.5f}));
    y = {-1.0f, -1.0f, -1.0f};
  }
  EXPECT_EQ(session_->graphs_launched(), 6) << "two programs, each done once before it is a graph";
}

TEST_F(SessionTest, OtherBytesThanWerePrefetchedAreCopied) {
  Values x = {1.0f, 2.0f, 3.0f}, y{};
  session_->Prefetch(x.data(), sizeof x);
  x[1] = 7.0f;
  Relu(x.data(), y.data());
  session_->Flush();
  EXPECT_EQ(y, x);
}

TEST_F(SessionTest, AKernelMayTakeAPartOfWhatWasPrefetched) {
  const std::array<float, 5> x = {9.0f, 1.0f, -2.0f, 3.0f, 9.0f};
  Values y{};
  session_->Prefetch(x.data(), sizeof x);
  Relu(x.data() + 1, y.data());
  session_->Flush();
  EXPECT_EQ(y, (Values{1.0f, 0.0f, 3.0f}));
}

TEST_F(SessionTest, RepeatsWhatWasFlushedLast) {
  EXPECT_THROW(session_->Repeat(1), std::logic_error);
  Values x = {1.0f, -2.0f, 3.0f}, y{};
  session_->Keep(x.data(), sizeof x);
  session_->Keep(y.data(), sizeof y);
  Relu(x.data(), y.data());
  session_->Flush();
  y = {};
  session_->Repeat(3);
  session_->Repeat(3);
  EXPECT_EQ(session_->graphs_launched(), 2);
  EXPECT_EQ(y, Values{}) << "not asked for";
  session_->Read(y.data());
  EXPECT_EQ(y, (Values{1.0f, 0.0f, 3.0f}));
}

// A graph has the memory of the first time: a kernel that then wants more must not get it silently.
TEST_F(SessionTest, ScratchMemoryIsThatOfTheFirstTime) {
  const Op& op = activation::kReluForward;
  const Case c = Case::Parse("n3");
  Values x{}, y{};
  session_->Keep(x.data(), sizeof x);
  session_->Keep(y.data(), sizeof y);
  std::size_t bytes = 32;
  std::vector<void*> got;
  const auto run = [&] {
    const DeviceSession::Scope scope(session_.get(), op, c);
    DeviceSession::PutOff({{x.data()}, {y.data()}}, [&](const Buffers&, DeviceStream& stream) {
      got.push_back(stream.ScratchBytes(bytes));
    });
    session_->Flush();
  };
  run();
  run();
  EXPECT_EQ(got, std::vector(2, got[0]));
  bytes = 64;
  EXPECT_THROW(run(), std::logic_error);
}

struct Trained {
  std::vector<std::string> digests;
  std::int64_t graphs = 0;
};

// The table of a recipe, with more than one size of batch, and validation where it has any.
Trained TrainSteps(const char* recipe, const KernelSet& kernels, Precision precision,
                   std::int64_t stopped_after) {
  TrainSettings settings;
  settings.batch = 9;
  settings.steps = 9;
  settings.precision = precision;
  const Recipe& of = FindRecipe(recipe);
  const TrainingData data = {FirstOf(MadeData(of, settings.seeds).train, 40), nullptr};
  Team team(1);
  Trained trained;
  TrainState saved;
  TrainHooks hooks;
  hooks.save_every = stopped_after;
  hooks.save = [&](const TrainState& state) {
    if (std::ssize(state.steps) == stopped_after) saved = state;
  };
  hooks.before_step = [&](int, std::int64_t, Network& network) {
    trained.graphs = network.graphs_launched();
  };
  Train(of, settings, data, kernels, team, hooks);
  const TrainResult result =
      Train(of, settings, data, kernels, team, {}, stopped_after > 0 ? &saved : nullptr);
  for (const StepRecord& step : result.steps) trained.digests.push_back(step.weights);
  return trained;
}

TEST_F(SessionTest, TrainingHasTheBitsOfTheProcessor) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    for (const char* recipe : {"mlp-sequence", "rnn"}) {
      const Trained device = TrainSteps(recipe, KernelSet("cuda_emulated"), precision, 6);
      EXPECT_EQ(device.digests, TrainSteps(recipe, KernelSet("auto"), precision, 0).digests)
          << recipe;
      EXPECT_GE(device.graphs, 2) << recipe << ": steps that come again are graphs";
    }
  }
}

// Of atomics, the only library that the emulator has.
TEST_F(SessionTest, AWeakerClaimTakesLibrariesOfTheDevice) {
  const Op& op = embedding::kBackward;
  const Case c = Case::Parse("n9l5c4_rows7");
  for (const Claim claim : {Claim::kNone, Claim::kRun}) {
    const KernelSet kernels("cuda_emulated", claim);
    EXPECT_EQ(kernels.device(), &kCudaEmulated);
    std::vector<std::int32_t> ids(45, 3);
    std::vector<float> dy(180, 1.0f), dtable(28);
    const DeviceSession::Scope scope(session_.get(), op, c);
    Team team(1);
    kernels.Run(op, c, {{ids.data(), dy.data()}, {dtable.data()}}, team);
    EXPECT_EQ(dtable[12], 0.0f) << "not put off";
    session_->Flush();
    EXPECT_EQ(dtable[12], 45.0f);
    const std::string used = kernels.Used().at(std::string(op.name));
    EXPECT_TRUE(used == "cuda_emulated" || (claim == Claim::kNone && used == "atomic_emulated"))
        << used;
  }
  const KernelSet run("cuda_emulated", Claim::kRun);
  const Trained device = TrainSteps("mlp-sequence", run, Precision::kFloat32, 0);
  EXPECT_GE(device.graphs, 2);
}

}  // namespace
}  // namespace samebits
