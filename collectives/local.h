// Ranks that are threads of this process: to try any number of them anywhere, and to train with
// many of them on one machine.
#pragma once

#include <chrono>
#include <functional>

#include "collectives/transport.h"

namespace samebits {

// Calls body(transport) once for every rank, each on a thread of its own but the first, which is
// the caller's. A rank that does not answer within the deadline is lost. When one throws, the
// others stop with RankLost, and its exception reaches the caller.
void RunLocalRanks(int ranks, const std::function<void(Transport&)>& body,
                   std::chrono::milliseconds deadline = std::chrono::seconds(20));

}  // namespace samebits
