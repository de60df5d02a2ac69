// The time per image of the recipe's layers at several batches.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "benchmarks/price.h"

namespace samebits {

// Appends to `batches`, of the best of these kernels for this machine on one thread; to `wrong`
// where its bits are not those of plain code. `progress` gets a line a layer.
void AddBatchPrices(std::span<const Kernel* const> kernels, PriceList& list,
                    const std::function<void(const std::string&)>& progress);

}  // namespace samebits
