#include "model/trainer.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <utility>

#include "collectives/collectives.h"
#include "collectives/local.h"
#include "model/division.h"
#include "model/rank_check.h"
#include "model/streams/seeds.h"

namespace samebits {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::uint32_t> AsTheyCome(std::int64_t count) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

// What a rank reads of an epoch.
std::unique_ptr<RowStream> StreamOf(const Samples& samples, const std::vector<std::uint32_t>& order,
                                    const Division& division, int batch) {
  Division::Part part = division.Of(order, batch);
  return samples.InOrder(std::move(part.order), std::move(part.sizes));
}

Metrics Validate(const Samples& samples, const Division& division, int batch, Network& network) {
  const auto stream = StreamOf(samples, AsTheyCome(samples.count()), division, batch);
  Metrics metrics;
  while (metrics.samples < samples.count()) {
    const auto size =
        static_cast<int>(std::min<std::int64_t>(batch, samples.count() - metrics.samples));
    metrics.Add(network.Evaluate(size, *stream), size);
  }
  return metrics;
}

// The threads of this process are the ranks.
TrainResult TrainByThreads(const Recipe& recipe, TrainSettings settings, const TrainingData& data,
                           const KernelSet& kernels, int threads, const TrainHooks& hooks,
                           const TrainState* from) {
  TrainResult result;
  const int ranks = std::exchange(settings.ranks, 1);
  RunLocalRanks(
      ranks,
      [&](Transport& transport) {
        Team team(std::max(1, threads / ranks));
        TrainResult own = Train(recipe, settings, data, kernels, team, hooks, from, &transport);
        if (transport.rank() == 0) result = std::move(own);
      },
      std::chrono::seconds(settings.deadline));
  return result;
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
                  const TrainState* from, Transport* transport) {
  if (settings.ranks > 1) {
    return TrainByThreads(recipe, settings, data, kernels, team.size(), hooks, from);
  }
  const LeafMap map =
      LeavesBy(settings.mapping, transport == nullptr ? 1 : transport->size(), settings.leaves);
  const int rank = transport == nullptr ? 0 : transport->rank();
  const Division division(map, rank, settings.leaves, settings.accumulate);
  std::optional<Collectives> collectives;
  if (map.size() > 1) collectives.emplace(*transport, map);
  if (!settings.all_reduce.empty()) CheckOwnAllReduce(settings.all_reduce, transport);
  const TrainPlan plan = PlanOf(settings, data);
  RandomSources sources(settings.seeds);
  for (const auto& [source, seed] : settings.freed) sources.Free(source, seed);
  const auto samples = static_cast<std::uint32_t>(data.train->count());
  const Shuffle shuffle = {.seeds = sources.NextShuffle(), .buffer = samples};
  const RandomSources of_networks = sources;
  Network network(
      recipe, *settings.stream, sources, division, settings.batch, kernels, team,
      settings.precision, settings.loss_scaling,
      {collectives ? &*collectives : nullptr, settings.bucket_bytes, settings.all_reduce});
  std::optional<RankCheck> check;
  if (collectives && settings.check_every > 0) {
    check.emplace(*collectives, map, settings.leaves, [&](const Division& other) {
      RandomSources same = of_networks;
      return std::make_unique<Network>(recipe, *settings.stream, same, other, settings.batch,
                                       kernels, team, settings.precision, settings.loss_scaling);
    });
  }
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
    if (hooks.save && rank == 0)
      hooks.save({network.state(), metrics, result.history, result.steps});
  };
  save();
  while (step < plan.steps) {
    const auto begin = Clock::now();
    const auto epoch = static_cast<int>(step / plan.steps_per_epoch) + 1;
    std::vector<std::uint32_t> order =
        recipe.shuffled ? shuffle.Order(static_cast<std::uint64_t>(2 * (epoch - 1)), samples)
                        : AsTheyCome(samples);
    sources.ReorderBatches(epoch, settings.batch, order);
    const std::int64_t before = metrics.samples;  // of an epoch that is resumed
    order.erase(order.begin(), order.begin() + before);
    const std::unique_ptr<RowStream> stream =
        StreamOf(*data.train, order, division, settings.batch);
    while (step < plan.steps && metrics.samples < samples) {
      const auto size =
          static_cast<int>(std::min<std::int64_t>(settings.batch, samples - metrics.samples));
      if (hooks.before_step) hooks.before_step(rank, step + 1, network);
      const bool checks = check && (step + 1) % settings.check_every == 0;
      if (checks) check->Before(network);
      const BatchResult trained = network.TrainStep(size, *stream);
      if (checks) {
        const auto first = order.begin() + (metrics.samples - before);
        const std::vector<std::uint32_t> now(first, first + size);
        check->After(step + 1, size, network, [&](const Division& other) {
          return StreamOf(*data.train, now, other, size);
        });
      }
      metrics.Add(trained, size);
      // All ranks have the same weights: the first one tells.
      const std::string digest = rank == 0 ? network.WeightsDigest() : "";
      result.steps.push_back({++step, epoch, trained.loss, digest});
      if (hooks.after_step && rank == 0) hooks.after_step(result.steps.back());
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
        const Metrics validation = Validate(*data.test, division, settings.batch, network);
        history.val_loss.push_back(validation.Loss());
        if (hits) history.val_accuracy.push_back(validation.Accuracy());
      }
      metrics = {};
      if (hooks.after_epoch && rank == 0) hooks.after_epoch(result.history);
    }
    save();
  }
  result.weights = network.Weights();
  result.weights_digest = network.WeightsDigest();
  result.scale = network.state().scale;
  result.skipped = network.state().steps - network.state().updates;
  return result;
}

}  // namespace samebits
