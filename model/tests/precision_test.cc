// The scale of gradients in binary16: what it is called, how it follows overflows, and that nothing
// of it is lost between two halves of a run.
#include <algorithm>

#include "kernels/core/error.h"
#include "model/checkpoint.h"
#include "model/tests/testing.h"
#include "model/train_op.h"

namespace samebits {
namespace {

TEST(LossScaling, NamesReadBack) {
  for (const char* name : {"1", "1024", "16777216", "dynamic:65536:2000", "dynamic:1:1"}) {
    EXPECT_EQ(NameOf(ParseLossScaling(name)), name);
  }
  EXPECT_EQ(NameOf(ParseLossScaling("dynamic")), "dynamic:65536:2000");
  EXPECT_EQ(NameOf(LossScaling{}), "1024");
  for (const char* name : {"", "0", "3", "-2", "1.0", "33554432", "1024x", "static", "dynamics",
                           "dynamic:", "dynamic:8", "dynamic:8:", "dynamic:6:5", "dynamic:8:0",
                           "dynamic:8:5x", "dynamic::5", "dynamic:8:5:5"}) {
    EXPECT_THROW(ParseLossScaling(name), UserError) << name;
  }
}

TEST(LossScaling, HalvesOnOverflowAndDoublesAfterTheInterval) {
  const LossScaling scaling{.dynamic = true, .exponent = 2, .interval = 2};
  LossScale scale{.exponent = scaling.exponent};
  std::vector<int> exponents;
  for (const bool skipped : {false, false, false, true, false, true, true, true, false, false}) {
    scale = scale.Next(scaling, skipped);
    exponents.push_back(scale.exponent);
  }
  EXPECT_THAT(exponents, ::testing::ElementsAre(2, 3, 3, 2, 2, 1, 0, 0, 0, 1));
  EXPECT_EQ((LossScale{24, 1}.Next(scaling, false).exponent), 24);
}

struct Course {
  TrainResult result;
  std::vector<TrainState> states;  // after each step
};

Course RunOf(const TrainSettings& settings, const TrainState* from = nullptr) {
  Team team(1);
  const Recipe& recipe = FindRecipe("embedding");
  Course course;
  TrainHooks hooks;
  hooks.save = [&](const TrainState& state) { course.states.push_back(state); };
  hooks.save_every = 1;
  course.result = Train(recipe, settings, MadeData(recipe, settings.seeds), KernelSet("auto"), team,
                        hooks, from);
  return course;
}

TEST(LossScaling, AStepThatOverflowsIsSkipped) {
  TrainSettings settings{.precision = Precision::kFloat16, .batch = 16, .steps = 12};
  settings.loss_scaling = {.dynamic = true, .exponent = 24, .interval = 3};
  const Course course = RunOf(settings);
  std::int64_t skipped = 0, doubled = 0;
  for (std::size_t i = 1; i < course.states.size(); ++i) {
    const NetworkState &before = course.states[i - 1].network, &after = course.states[i].network;
    const bool updated = after.updates > before.updates;
    EXPECT_EQ(after.steps, before.steps + 1);
    EXPECT_EQ(after.weights != before.weights, updated);
    EXPECT_EQ(after.first_moments != before.first_moments, updated);
    EXPECT_EQ(after.scale.exponent < before.scale.exponent, !updated);
    skipped += !updated;
    doubled += after.scale.exponent > before.scale.exponent;
  }
  EXPECT_GT(skipped, 1);
  EXPECT_GT(doubled, 0);
  EXPECT_EQ(course.result.skipped, skipped);
  EXPECT_TRUE(std::ranges::all_of(course.states.back().network.weights,
                                  [](float weight) { return weight == weight; }));
  // A scale that stays lets the infinities in.
  settings.loss_scaling.dynamic = false;
  EXPECT_FALSE(std::ranges::all_of(RunOf(settings).states.back().network.weights,
                                   [](float weight) { return weight == weight; }));
}

class LossScalingSaved : public testing::TemporaryDirectory {};

TEST_F(LossScalingSaved, ACheckpointHoldsIt) {
  TrainSettings settings{.precision = Precision::kFloat16, .batch = 16, .steps = 12};
  settings.loss_scaling = {.dynamic = true, .exponent = 24, .interval = 3};
  const Course whole = RunOf(settings);
  const std::filesystem::path file = directory_ / "checkpoint.npz";
  for (const std::size_t stop : {1, 5, 10}) {
    WriteCheckpoint(file, {whole.states[stop], "{}"});
    Checkpoint checkpoint = ReadCheckpoint(file);
    EXPECT_EQ(RunOf(settings, &checkpoint.state).result.weights_digest,
              whole.result.weights_digest);
    checkpoint.state.network.scale.exponent = 24;  // as if it began anew
    EXPECT_NE(RunOf(settings, &checkpoint.state).result.weights_digest,
              whole.result.weights_digest);
  }
}

}  // namespace
}  // namespace samebits
