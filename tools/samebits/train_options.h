// The options that every command takes which trains.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "model/trainer.h"

namespace samebits {

struct TrainOptions {
  std::string recipe = "cnn", data, isa = "auto";
  TrainSettings settings;
  std::string ranks = "1";

  int limit_samples = 0;  // 0: all
  Claim determinism = Claim::kEverywhere;
  int threads;  // all cores, where nothing else is asked for

  TrainOptions();
};

void AddTrainOptions(CLI::App& command, TrainOptions& options);
// "mpi" or "nccl": this process is one of the ranks; empty: all of them are threads of it.
std::string EngineOf(const TrainOptions& options);
// Throws UserError when it is no claim's name.
void SetDeterminism(const std::string& name, TrainOptions& options);
// Batch and epochs that were not given are the recipe's.
void TakeRecipesOptions(const CLI::App& command, TrainOptions& options);

struct NamedData {
  std::string name;  // as in a case of train_cnn_v1, where there is one; "made": from the seed
  std::unique_ptr<const Dataset> files;  // what `samples` read, of a recipe that takes images
  TrainingData samples;

  // How many there are and their digests.
  nlohmann::ordered_json Describe() const;
};

// What the options ask for. Throws UserError naming what is missing or broken.
NamedData LoadData(const TrainOptions& options);

// {"dropout": 17}: the freed sources and their seeds.
nlohmann::ordered_json JsonOf(const std::map<Source, std::int64_t>& freed);

// Seeds are those that Keras takes.
CLI::Range SeedRange();
// Of the system's entropy.
std::int64_t RandomSeed();

}  // namespace samebits
