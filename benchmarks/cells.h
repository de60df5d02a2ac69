// What is timed: the timed cases of all operations on every kernel that is there for speed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "conformance/plan.h"

namespace samebits {

// Without the reference, rows that only show another ISA's logic, and whole training runs. All
// kernels of a case and number of threads stand together. `device`: the kernels of this backend, or
// if it is null those of the host.
std::vector<Cell> TimedCells(std::span<const Kernel* const> kernels,
                             const std::vector<int>& threads, const Backend* device = nullptr);

// Registers the cell with Google Benchmark; its bits are the caller's to verify before.
void RegisterCell(const Cell& cell);

}  // namespace samebits
