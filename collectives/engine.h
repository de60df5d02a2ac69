// Engines between processes: each is a module beside the program, loaded where it is asked for.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "collectives/transport.h"

namespace samebits {

// "mpi" or "nccl". Throws UnavailableError, saying why, where this build or this machine has none.
std::unique_ptr<Transport> LoadEngine(const std::string& name,
                                      std::chrono::duration<double> deadline);

}  // namespace samebits

// What a module has: this process' rank among all that were started together.
extern "C" samebits::Transport* samebits_transport(double deadline_seconds);
