// A price list as a file, and two of them against each other.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "benchmarks/price.h"

namespace samebits {

// Of the ratios of each group, for the golden's bits, that say something.
std::map<std::string, double> GeometricMeans(const PriceList& list);

// {"rows": [...], "geomean": {...}, "batches": [...], "machine": [...], ...}
nlohmann::ordered_json JsonOf(const PriceList& list);

// What JsonOf wrote. Throws UserError naming the file and what is wrong with it.
PriceList ReadPrices(const std::filesystem::path& file);

// A price in two lists.
struct Move {
  const Price *before, *now;
  std::string outcome;  // "faster" or "slower" where the intervals have nothing in common
};

// Every row that both lists have, in the order of the second. Of several threads on a machine that
// was not quiet nothing is concluded.
std::vector<Move> MovesOf(const PriceList& before, const PriceList& now);

}  // namespace samebits
