// The report's part on prices.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "benchmarks/price.h"
#include "tools/samebits/plot.h"

namespace samebits {

// "1 thread", "2 threads".
std::string ThreadsName(int threads);

// Named price, ladder, roofline and, where they were measured, batches.
std::vector<Plot> PricePlots(const PriceList& list);

// Parts of the page: how many are faster, level and slower; the geometric mean of each group; the
// prices below 1, the lowest first; all of them; what libraries' bits did while they were timed.
std::string PriceHeadline(const PriceList& list);
std::string PriceTiles(const PriceList& list);
std::string PriceLosses(const PriceList& list);
std::string AllPrices(const PriceList& list);
// The geometric mean of each group for each claim, on one thread or a device.
std::string LadderTable(const PriceList& list);

std::string DriftList(const PriceList& list);

// CSV by file name.
std::map<std::string, std::string> PriceTables(const PriceList& list);

}  // namespace samebits
