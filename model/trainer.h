// Training a recipe: epochs of shuffled batches, validation after each whole epoch, a history.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "collectives/collectives.h"
#include "kernels/core/team.h"
#include "model/data/idx.h"
#include "model/kernel_set.h"
#include "model/network.h"
#include "model/recipe.h"
#include "model/streams/seeds.h"
#include "model/streams/stream.h"

namespace samebits {

struct TrainSettings {
  GlobalSeeds seeds = GlobalSeeds::All(812);
  std::map<Source, std::int64_t> freed = {};  // their seeds
  const Stream* stream = &kKerasJax;          // of weights and dropout masks
  Precision precision = Precision::kFloat32;  // of what is stored between operations
  LossScaling loss_scaling = {};              // of gradients in binary16
  int batch = 64;
  int leaves = 8;  // of a batch; a power of two, and part of the recipe: others give other bits
  int epochs = 2;
  std::int64_t steps = -1;  // when not negative, overrides epochs: as many as it needs are started
  // How a batch is parted; no bit depends on it.
  int ranks = 1;                        // threads of this process, each with a share of it
  Mapping mapping = Mapping::kInOrder;  // which of them holds what
  int accumulate = 1;                   // turns of each rank, one after the other, at least
  std::int64_t bucket_bytes = 1 << 20;  // of gradients that ranks reduce at a time, at least
  // Of gradients, one of the engine's own, whose bits are others: to compare with. Empty: the tree.
  std::string all_reduce = {};
  int deadline = 20;             // seconds without an answer after which a rank is taken for lost
  std::int64_t check_every = 0;  // steps between two checks of the ranks; 0: none
  int map_threads = 1;           // of the data pipeline; no bit depends on them
  int prefetch = 2;
};

// One list per key, one value per whole epoch. An epoch cut short by `steps` is not validated and
// has no entry. No accuracy where nothing is a hit, no validation where there is nothing to test
// with.
//
// loss: batch losses weighted by batch size (loss * f32(size), then added in batch order in
// binary32), one division by f32(samples). accuracy: f32(hits) / f32(samples), hits as an integer.
struct History {
  std::vector<float> loss, accuracy, val_loss, val_accuracy;
};

struct StepRecord {
  std::int64_t step;  // counted from 1
  int epoch;          // counted from 1
  float loss;
  std::string weights;  // digest after the step
};

struct TrainPlan {
  std::int64_t steps;
  std::int64_t steps_per_epoch;
};

// The metrics of an epoch, batch by batch.
struct Metrics {
  float loss = 0.0f;  // the sum above
  std::int64_t hits = 0, samples = 0;

  void Add(const BatchResult& batch, int size);
  float Loss() const { return loss / static_cast<float>(samples); }
  float Accuracy() const { return static_cast<float>(hits) / static_cast<float>(samples); }
};

// A run between two steps: all that the next one depends on, and what was told so far. An epoch
// that is over has been validated.
struct TrainState {
  NetworkState network;
  Metrics epoch;  // of the epoch under way
  History history;
  std::vector<StepRecord> steps;
};

// Called from the thread that trains; each may be empty.
struct TrainHooks {
  std::function<void(const StepRecord&)> after_step;
  std::function<void(const History&)> after_epoch;
  std::function<void(const TrainState&)> save = {};  // before the first step, then
  std::int64_t save_every = 0;                       // after so many, and after the last
  // Of every rank, when it begins a step.
  std::function<void(int rank, std::int64_t step, Network& network)> before_step = {};
};

TrainPlan PlanOf(const TrainSettings& settings, const TrainingData& data);

// The images of a data set, which must outlive them, as the recipe takes them.
TrainingData ImageData(const Dataset& data, const Recipe& recipe, const TrainSettings& settings);

struct TrainResult {
  History history;
  std::vector<StepRecord> steps;
  std::vector<NamedArray> weights;
  std::string weights_digest;
  LossScale scale;              // of the step that would be next
  std::int64_t skipped = 0;     // steps
  double training_seconds = 0;  // steps and their data; validation left out
};

// Model.fit's order of the data: epoch e takes the shuffle's iterator 2(e - 1), with a buffer of
// the whole set. Given a state, the run goes on from there, and ends as if it had never stopped.
// Throws UserError when the data or the state does not suit the recipe, a batch has too few leaves
// for the ranks, or their engine has no such all-reduce.
//
// Given a transport, this is one of its ranks: all call it alike, and the first one's hooks are
// called, and its result is that of the run.
TrainResult Train(const Recipe& recipe, const TrainSettings& settings, const TrainingData& data,
                  const KernelSet& kernels, Team& team, const TrainHooks& hooks = {},
                  const TrainState* from = nullptr, Transport* transport = nullptr);

}  // namespace samebits
