#include "model/trainer.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "model/streams/seeds.h"

namespace samebits {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::uint32_t> AsTheyCome(std::int64_t count) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

Metrics Validate(const Samples& samples, int batch, Network& network) {
  const std::unique_ptr<RowStream> stream = samples.InOrder(AsTheyCome(samples.count()), batch);
  Metrics metrics;
  while (const Rows* rows = stream->Next()) metrics.Add(network.Evaluate(*rows), rows->size);
  return metrics;
}

}  // namespace

TrainingData ImageData(const Dataset& data, const Recipe& recipe, const TrainSettings& settings) {
  const PipelineOptions options{.height = recipe.height,
                                .width = recipe.width,
                                .map_threads = settings.map_threads,
                                .prefetch = settings.prefetch};
  return {ImageSamples(data.train, options), ImageSamples(data.test, options)};
}

TrainPlan PlanOf(const TrainSettings& settings, const TrainingData& data) {
  const std::int64_t per_epoch = (data.train->count() + settings.batch - 1) / settings.batch;
  return {settings.steps >= 0 ? settings.steps : settings.epochs * per_epoch, per_epoch};
}

void Metrics::Add(const BatchResult& batch, int size) {
  loss = loss + batch.loss * static_cast<float>(size);
  hits += batch.hits;
  samples += size;
}

TrainResult Train(const Recipe& recipe, const TrainSettings& settings, const TrainingData& data,
                  const KernelSet& kernels, Team& team, const TrainHooks& hooks,
                  const TrainState* from) {
  const TrainPlan plan = PlanOf(settings, data);
  RandomSources sources(settings.seeds);
  for (const auto& [source, seed] : settings.freed) sources.Free(source, seed);
  const auto samples = static_cast<std::uint32_t>(data.train->count());
  const Shuffle shuffle = {.seeds = sources.NextShuffle(), .buffer = samples};
  Network network(recipe, *settings.stream, sources, settings.leaves, settings.batch, kernels, team,
                  settings.precision);
  TrainResult result;
  Metrics metrics;
  if (from != nullptr) {
    network.Restore(from->network);
    metrics = from->epoch;
    result.history = from->history;
    result.steps = from->steps;
  }
  auto step = static_cast<std::int64_t>(result.steps.size());
  const auto save = [&] {
    if (hooks.save) hooks.save({network.state(), metrics, result.history, result.steps});
  };
  save();
  while (step < plan.steps) {
    const auto begin = Clock::now();
    const auto epoch = static_cast<int>(step / plan.steps_per_epoch) + 1;
    std::vector<std::uint32_t> order =
        recipe.shuffled ? shuffle.Order(static_cast<std::uint64_t>(2 * (epoch - 1)), samples)
                        : AsTheyCome(samples);
    sources.ReorderBatches(epoch, settings.batch, order);
    order.erase(order.begin(), order.begin() + metrics.samples);
    const std::unique_ptr<RowStream> stream = data.train->InOrder(std::move(order), settings.batch);
    const Rows* rows = nullptr;
    while (step < plan.steps && (rows = stream->Next()) != nullptr) {
      const BatchResult trained = network.TrainStep(*rows);
      metrics.Add(trained, rows->size);
      result.steps.push_back({++step, epoch, trained.loss, network.WeightsDigest()});
      if (hooks.after_step) hooks.after_step(result.steps.back());
      const bool ends = metrics.samples == samples || step == plan.steps;
      if (!ends && hooks.save_every > 0 && step % hooks.save_every == 0) save();
    }
    result.training_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    if (metrics.samples == samples) {  // not cut short by the number of steps
      const bool hits = recipe.objective != Objective::kValue;
      History& history = result.history;
      history.loss.push_back(metrics.Loss());
      if (hits) history.accuracy.push_back(metrics.Accuracy());
      if (data.test != nullptr) {
        const Metrics validation = Validate(*data.test, settings.batch, network);
        history.val_loss.push_back(validation.Loss());
        if (hits) history.val_accuracy.push_back(validation.Accuracy());
      }
      metrics = {};
      if (hooks.after_epoch) hooks.after_epoch(result.history);
    }
    save();
  }
  result.weights = network.Weights();
  result.weights_digest = network.WeightsDigest();
  return result;
}

}  // namespace samebits
