#include "kernels/core/steady_choice.h"

#include <utility>

namespace samebits {
namespace {

// Of a thread: ranks that are threads choose at the same time.
thread_local bool steady = false;

}  // namespace

bool ChoicesAreSteady() { return steady; }

SteadyChoice::SteadyChoice() : former_(std::exchange(steady, true)) {}

SteadyChoice::~SteadyChoice() { steady = former_; }

}  // namespace samebits
