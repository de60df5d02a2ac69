// The options that every command takes which trains.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "model/trainer.h"

namespace samebits {

struct TrainOptions {
  std::string recipe = "cnn", data, isa = "auto";
  TrainSettings settings;
  int limit_samples = 0;  // 0: all
  int threads;            // all cores, where nothing else is asked for

  TrainOptions();
};

void AddTrainOptions(CLI::App& command, TrainOptions& options);

struct NamedData {
  std::string name;  // as in a case of train_cnn_v1, where there is one
  Dataset data;
};

// What --data and --limit-samples ask for. Throws UserError naming what is missing or broken.
NamedData LoadData(const TrainOptions& options);

// Seeds are those that Keras takes.
CLI::Range SeedRange();
// Of the system's entropy.
std::int64_t RandomSeed();

}  // namespace samebits
