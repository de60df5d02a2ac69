// The report's part on ranks: what sums in one order cost between them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/samebits/plot.h"

namespace samebits {

// Lines that `samebits all-reduce --json` printed, one for each number of ranks, in their order.
// Throws UserError for what is none.
nlohmann::ordered_json ReadAllReduces(const std::filesystem::path& file);

// Against the engine's own choice, and against the model of the cost: a line for each number of
// ranks.
std::vector<Plot> AllReducePlots(const nlohmann::ordered_json& records);

// The section of the page, of the drawn plots in that order.
std::string AllReduceSection(const nlohmann::ordered_json& records, const std::string& ratios,
                             const std::string& model);

// Every time, as CSV.
std::string AllReduceTable(const nlohmann::ordered_json& records);

}  // namespace samebits
