// The report's part on repeated training: how far the seed alone moves the result.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "tools/samebits/plot.h"

namespace samebits {

// What `samebits repeat --json` printed. Throws UserError for what is none.
nlohmann::ordered_json ReadRepeat(const std::filesystem::path& file);

// A box for each key: what its runs give, in percent of their mean.
Plot RepeatPlot(const nlohmann::ordered_json& repeat);

// The section of the page; `figure` is the drawn plot.
std::string RepeatSection(const nlohmann::ordered_json& repeat, const std::string& figure);

// Every run, as CSV.
std::string RepeatTable(const nlohmann::ordered_json& repeat);

}  // namespace samebits
