// A run in a file, to go on from: checkpoint.npz.
#pragma once

#include <filesystem>
#include <string>

#include "model/trainer.h"

namespace samebits {

struct Checkpoint {
  TrainState state;
  std::string description;  // JSON: what the run is, and the options it was started with
};

// Atomically: a reader, or a crash, finds the old checkpoint or the new one.
void WriteCheckpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

// Throws UserError naming the file when it is no whole checkpoint.
Checkpoint ReadCheckpoint(const std::filesystem::path& path);

}  // namespace samebits
