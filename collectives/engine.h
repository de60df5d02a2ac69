// Engines between processes: each is a module beside the program, loaded where it is asked for.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "collectives/transport.h"

namespace samebits {

// "mpi" or "nccl", which goes over GPUs and has mpi for the rest. Throws UnavailableError, saying
// why, where this build or this machine has none.
std::unique_ptr<Transport> LoadEngine(const std::string& name,
                                      std::chrono::duration<double> deadline);

}  // namespace samebits

// What a module has: this process' rank among all that were started together.
// `control` is the way they have already; null: there is none.
extern "C" samebits::Transport* samebits_transport(double deadline_seconds,
                                                   samebits::Transport* control);
