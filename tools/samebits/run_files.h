// The files of a training run: history.json, digests.jsonl, weights.npz, environment.json.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "model/trainer.h"

namespace samebits {

// Numbers that read back exactly, a list per key.
nlohmann::ordered_json JsonOf(const History& history);

// Creates the directory. Throws UserError when it is there and not empty, or cannot be written.
void PrepareRunDirectory(const std::filesystem::path& directory);

void WriteRun(const std::filesystem::path& directory, const TrainResult& result,
              const nlohmann::ordered_json& environment);

// What a run's directory says of its course.
struct RunCourse {
  std::vector<double> losses;                      // step by step
  std::vector<double> val_losses, val_accuracies;  // epoch by epoch
  std::int64_t steps_per_epoch = 0;                // 0: no epoch was whole
  std::string title;                               // "fashion, batch 64, seed 812, avx512"
  std::string golden;                              // "match", "mismatch", or "none"
};

// Throws UserError for what it cannot read.
RunCourse ReadRun(const std::filesystem::path& directory);

// The first value in which the history of an earlier run and this one differ; empty: none. Throws
// UserError for what it cannot read.
std::string FirstDifference(const History& history, const std::filesystem::path& directory);

// Compares two runs key by key, step by step, tensor by tensor. Prints what was compared, the first
// divergence, and where bits differ how the records of their environments do; true when all bits
// are the same. Throws UserError for what it cannot read.
bool CompareRuns(const std::filesystem::path& a, const std::filesystem::path& b, bool as_json);

}  // namespace samebits
