// The recipe rnn: Keras' SimpleRNN as written down in its own code, and gradients that are those of
// the layer's mathematics.
#include <cmath>

#include "kernels/core/registry.h"
#include "model/network.h"
#include "model/simple_rnn.h"
#include "model/streams/initializers.h"
#include "model/tests/testing.h"
#include "model/train_op.h"

namespace samebits {
namespace {

// Keras constructs the cell's seed generator, then its kernel's and its recurrent kernel's
// initializer: each draws a seed.
TEST(Rnn, LayerSeedsAreDrawnInKerasOrder) {
  Team team(1);
  const KernelSet kernels("auto");
  const auto seeds = testing::LayerSeeds(812, 5);
  RandomSources sources(GlobalSeeds::All(812));
  const auto weights =
      Network(FindRecipe("rnn"), kKerasJax, sources, Division(8), 1, kernels, team).Weights();
  const auto values = [&](const char* initializer, std::uint32_t seed, std::int64_t in,
                          std::int64_t out) {
    const std::int64_t shape[] = {in, out};
    return FindInitializer(initializer).Values(kKerasJax, seed, shape);
  };
  const auto weight = [&](const char* name) { return NpyValues<float>(FindArray(weights, name)); };
  EXPECT_EQ(weights.size(), 6u);
  EXPECT_EQ(weight("w0"), values("RandomUniform", seeds[0], 1000, 16));
  EXPECT_EQ(weight("w1"), values("GlorotUniform", seeds[2], 16, 16));
  EXPECT_EQ(weight("w2"), values("Orthogonal", seeds[3], 16, 16));
  EXPECT_EQ(weight("w3"), std::vector<float>(16, 0.0f));
  EXPECT_EQ(weight("w4"), values("GlorotUniform", seeds[4], 16, 1));
}

constexpr int kBatch = 3, kSteps = 4, kChannels = 5, kUnits = 6;

// The layer in binary64, by its definition; masks as the layer scales them.
double LossOf(const std::vector<double>& x, const std::vector<double>& w,
              const std::vector<double>& u, const std::vector<double>& b,
              const std::vector<float>& input_mask, const std::vector<float>& state_mask) {
  double loss = 0;
  for (std::size_t n = 0; n < kBatch; ++n) {
    std::vector<double> h(kUnits, 0.0);
    for (std::size_t t = 0; t < kSteps; ++t) {
      std::vector<double> next(b);
      for (std::size_t j = 0; j < kUnits; ++j) {
        for (std::size_t i = 0; i < kChannels; ++i) {
          next[j] += x[(n * kSteps + t) * kChannels + i] * double{input_mask[n * kChannels + i]} *
                     w[i * kUnits + j];
        }
        for (std::size_t i = 0; i < kUnits; ++i) {
          next[j] += h[i] * double{state_mask[n * kUnits + i]} * u[i * kUnits + j];
        }
        next[j] = std::tanh(next[j]);
      }
      h = next;
    }
    for (std::size_t j = 0; j < kUnits; ++j) loss += h[j] * static_cast<double>(1 + j + n);
  }
  return loss;
}

std::vector<double> Wide(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// The largest difference between a gradient and the slope of the loss along each of `values`.
double WorstSlope(std::vector<double>& values, const std::vector<float>& gradient,
                  const std::function<double()>& loss) {
  constexpr double kStep = 1e-5;
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = loss();
    values[i] = value - kStep;
    const double slope = (above - loss()) / (2 * kStep);
    values[i] = value;
    worst = std::max(worst, std::fabs(slope - double{gradient[i]}));
  }
  return worst;
}

TEST(Rnn, GradientsAreSlopes) {
  Team team(1);
  const auto apply = [&](const Op& op, const Case& c, const Buffers& buffers) {
    samebits::Run(Reference(op), c, buffers, team);
  };
  const auto random = [](std::uint32_t seed, std::size_t count) {
    std::vector<float> values(count);
    kKerasJax.uniform({seed, 0}, -1.0f, 1.0f, values);
    return values;
  };
  const auto x = random(1, kBatch * kSteps * kChannels), w = random(2, kChannels * kUnits),
             u = random(3, kUnits * kUnits), b = random(4, kUnits);
  std::vector<float> dy(kBatch * kUnits), y(dy), dx(x), dw(w), du(u), db(b);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    dy[i] = static_cast<float>(1 + i % kUnits + i / kUnits);
  }
  const Layer layer{
      .kind = LayerKind::kSimpleRnn, .units = kUnits, .rate = 300000, .recurrent_rate = 200000};
  constexpr std::uint32_t kDraw = 7;
  constexpr std::int64_t kStep = 2;
  SimpleRnn rnn(layer, kSteps, kChannels, kBatch, "");
  const Slice whole = {kBatch, 8, 0, kBatch};
  const auto sum = [&](const Op& op, SimpleRnn::Weight weight, const SampleRows& from,
                       const SampleRows& dz, const CaseOfLeaves& case_of) {
    using enum SimpleRnn::Weight;
    float* const gradient = (weight == kKernel ? dw : weight == kRecurrent ? du : db).data();
    Buffers buffers{{from.data, dz.data}, {gradient}};
    if (from.data == nullptr) buffers.inputs = {dz.data};
    apply(op, case_of(kBatch, 8), buffers);
  };
  rnn.Forward(whole, x.data(), {w.data(), u.data(), b.data()}, SimpleRnn::Masks{kDraw, kStep},
              apply, y.data());
  rnn.Backward(whole, dy.data(), {w.data(), u.data(), b.data()}, sum, apply, dx.data());

  const auto mask = [](std::uint32_t call, std::size_t n, double rate) {
    std::vector<float> scales;
    for (const std::uint8_t kept : DropoutMask(kKerasJax, {kDraw, call}, n, rate)) {
      scales.push_back(kept ? static_cast<float>(1 / (1 - rate)) : 0.0f);
    }
    return scales;
  };
  const auto inputs = mask(2 * kStep, kBatch * kChannels, .3),
             states = mask(2 * kStep + 1, kBatch * kUnits, .2);
  std::vector<double> wide_x = Wide(x), wide_w = Wide(w), wide_u = Wide(u), wide_b = Wide(b);
  const auto loss = [&] { return LossOf(wide_x, wide_w, wide_u, wide_b, inputs, states); };
  constexpr double kNear = 1e-4;
  EXPECT_LT(WorstSlope(wide_x, dx, loss), kNear);
  EXPECT_LT(WorstSlope(wide_w, dw, loss), kNear);
  EXPECT_LT(WorstSlope(wide_u, du, loss), kNear);
  EXPECT_LT(WorstSlope(wide_b, db, loss), kNear);

  // Of the layer with other masks they are not.
  const auto others = mask(2 * kStep, kBatch * kUnits, .2);
  ASSERT_NE(others, states);
  const auto wrong = [&] { return LossOf(wide_x, wide_w, wide_u, wide_b, inputs, others); };
  EXPECT_GT(WorstSlope(wide_u, du, wrong), 100 * kNear);
}

// Keras 3.15.1 on both backends: after 3 batches of training and 2 of validation the layer's
// generator was drawn from 10 times, twice a batch.
TEST(Rnn, BatchesOfInferenceCountAsCalls) {
  Team team(1);
  const Recipe& recipe = FindRecipe("rnn");
  const KernelSet kernels("portable");
  TrainSettings settings{.batch = 4, .epochs = 2};
  TrainingData data = MadeData(recipe, settings.seeds);
  data = {FirstOf(std::move(data.train), 12), FirstOf(std::move(data.test), 6)};
  std::vector<std::int64_t> batches;
  TrainState saved;
  TrainHooks hooks;
  hooks.save = [&](const TrainState& state) {
    if (state.steps.size() == 3) saved = state;
  };
  hooks.before_step = [&](int, std::int64_t, const Network& network) {
    batches.push_back(network.state().steps + network.state().evaluated);
  };
  const auto digest = [&](const TrainState* from) {
    return Train(recipe, settings, data, kernels, team, hooks, from).weights_digest;
  };
  const std::string whole = digest(nullptr);
  EXPECT_THAT(batches, ::testing::ElementsAre(0, 1, 2, 5, 6, 7));
  TrainState resumed = saved;
  EXPECT_EQ(digest(&resumed), whole);
  resumed.network.evaluated = 0;
  EXPECT_NE(digest(&resumed), whole);
}

}  // namespace
}  // namespace samebits
