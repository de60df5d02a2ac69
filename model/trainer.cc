#include "model/trainer.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "model/data/pipeline.h"
#include "model/streams/seeds.h"

namespace samebits {
namespace {

using Clock = std::chrono::steady_clock;

// The metrics of an epoch, batch by batch.
struct Metrics {
  float loss = 0.0f;
  std::int64_t hits = 0, samples = 0;

  void Add(const BatchResult& batch, int size) {
    loss = loss + batch.loss * static_cast<float>(size);
    hits += batch.hits;
    samples += size;
  }
  float Loss() const { return loss / static_cast<float>(samples); }
  float Accuracy() const { return static_cast<float>(hits) / static_cast<float>(samples); }
};

PipelineOptions PipelineOf(const Recipe& recipe, const TrainSettings& settings) {
  return {.batch_size = settings.batch,
          .height = recipe.height,
          .width = recipe.width,
          .map_threads = settings.map_threads,
          .prefetch = settings.prefetch};
}

Metrics Validate(const Recipe& recipe, const TrainSettings& settings, const ImageSet& images,
                 Network& network) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(images.count));
  std::iota(order.begin(), order.end(), 0u);
  BatchPipeline pipeline(images, std::move(order), PipelineOf(recipe, settings));
  Metrics metrics;
  while (const Batch* batch = pipeline.Next()) {
    metrics.Add(network.Evaluate(batch->images.data(), batch->labels.data(), batch->size),
                batch->size);
  }
  return metrics;
}

}  // namespace

TrainPlan PlanOf(const TrainSettings& settings, const Dataset& data) {
  const std::int64_t per_epoch = (data.train.count + settings.batch - 1) / settings.batch;
  return {settings.steps >= 0 ? settings.steps : settings.epochs * per_epoch, per_epoch};
}

TrainResult Train(const Recipe& recipe, const TrainSettings& settings, const Dataset& data,
                  const KernelSet& kernels, Team& team,
                  const std::function<void(const StepRecord&)>& after_step,
                  const std::function<void(const History&)>& after_epoch) {
  const TrainPlan plan = PlanOf(settings, data);
  RandomSources sources(GlobalSeeds::All(settings.seed));
  const auto samples = static_cast<std::uint32_t>(data.train.count);
  const Shuffle shuffle = {.seeds = sources.NextShuffle(), .buffer = samples};
  Network network(recipe, sources, settings.leaves, settings.batch, kernels, team);
  TrainResult result;
  std::int64_t step = 0;
  for (int epoch = 1; step < plan.steps; ++epoch) {
    const auto begin = Clock::now();
    const auto iterator = static_cast<std::uint64_t>(2 * (epoch - 1));
    BatchPipeline pipeline(data.train, shuffle.Order(iterator, samples),
                           PipelineOf(recipe, settings));
    Metrics metrics;
    const Batch* batch = nullptr;
    while (step < plan.steps && (batch = pipeline.Next()) != nullptr) {
      const BatchResult trained =
          network.TrainStep(batch->images.data(), batch->labels.data(), batch->size);
      metrics.Add(trained, batch->size);
      result.steps.push_back({++step, epoch, trained.loss, network.WeightsDigest()});
      if (after_step) after_step(result.steps.back());
    }
    result.training_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    if (metrics.samples < data.train.count) break;  // cut short by the number of steps
    const Metrics validation = Validate(recipe, settings, data.test, network);
    result.history.loss.push_back(metrics.Loss());
    result.history.accuracy.push_back(metrics.Accuracy());
    result.history.val_loss.push_back(validation.Loss());
    result.history.val_accuracy.push_back(validation.Accuracy());
    if (after_epoch) after_epoch(result.history);
  }
  result.weights = network.Weights();
  result.weights_digest = network.WeightsDigest();
  return result;
}

}  // namespace samebits
