#include "model/step_price.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace samebits {
namespace {

// Before the first turn kernels are chosen, memory is touched, and what a device does by turns in
// two places has become graphs.
constexpr int kTurns = 15, kWarmUps = 5;

double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The same batch again and again.
class Again : public RowStream {
 public:
  explicit Again(const Rows& rows) : rows_(rows) {}
  int size() const { return rows_.size; }

 private:
  const Rows* Take() override { return &rows_; }

  const Rows& rows_;
};

}  // namespace

StepPrice PriceOfSteps(const Recipe& recipe, const TrainSettings& settings,
                       const TrainingData& data, const KernelSet& kernels,
                       const KernelSet& everywhere, Team& team) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::uint32_t> first(
      static_cast<std::size_t>(std::min<std::int64_t>(settings.batch, data.train->count())));
  std::iota(first.begin(), first.end(), 0u);
  const std::unique_ptr<RowStream> stream =
      data.train->InOrder(first, {static_cast<int>(first.size())});
  Again rows(*stream->Next());

  RandomSources sources(settings.seeds), same(settings.seeds);
  const Division whole(settings.leaves);
  Network one(recipe, *settings.stream, sources, whole, settings.batch, kernels, team,
              settings.precision, settings.loss_scaling);
  Network other(recipe, *settings.stream, same, whole, settings.batch, everywhere, team,
                settings.precision, settings.loss_scaling);
  const auto seconds_of = [&](Network& network) {
    const auto begin = Clock::now();
    network.TrainStep(rows.size(), rows);
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  std::vector<double> ours, theirs, ratios;
  for (int turn = -kWarmUps; turn < kTurns; ++turn) {
    const double a = seconds_of(one), b = seconds_of(other);
    if (turn < 0) continue;
    ours.push_back(a), theirs.push_back(b), ratios.push_back(a / b);
  }
  return {Median(ours), Median(theirs), Median(ratios), kTurns};
}

}  // namespace samebits
