// The report's part on GPUs: what tools/verify_gpu brought back from machines that have one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "benchmarks/price.h"

namespace samebits {

// Of one GPU and day. A part that was not run, or failed, is empty.
struct Evidence {
  std::string name;                           // of the folder: "nvidia-h100-80gb-hbm3-2026-11-21"
  std::string summary;                        // how each part ended
  nlohmann::json gate;                        // Matrix::Json
  nlohmann::json train, step_run, step_none;  // what samebits train --json printed
  std::optional<PriceList> prices;
  int repeated = 0, moved = 0;  // kernels, and those of them whose bits differed
  int runs = 0;                 // of each
};

// Of every folder in `directory`, the newest first; none where it is missing. Throws UserError
// naming the file that is not what its name says.
std::vector<Evidence> ReadEvidence(const std::filesystem::path& directory);

std::string EvidenceSection(const std::vector<Evidence>& evidence);

}  // namespace samebits
