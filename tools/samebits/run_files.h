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

// Compares two runs key by key, step by step, tensor by tensor. Prints what was compared and the
// first divergence; true when all bits are the same. Throws UserError for what it cannot read.
bool CompareRuns(const std::filesystem::path& a, const std::filesystem::path& b, bool as_json);

}  // namespace samebits
