// One Google Benchmark per timed case, kernel and number of threads, named by its cell id.
#pragma once

#include <string>
#include <vector>

#include "conformance/plan.h"

namespace samebits {

// Registers the cell for timing; its bits are the caller's to verify before.
void RegisterCell(const Cell& cell);

// The timed cells of all operations with a flop count: kernels but the reference, threads 1 and 2.
std::vector<Cell> TimedCells(const std::vector<int>& threads);

}  // namespace samebits
