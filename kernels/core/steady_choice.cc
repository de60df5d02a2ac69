#include "kernels/core/steady_choice.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace samebits {
namespace {

// Of a thread: ranks that are threads choose at the same time.
thread_local bool steady = false;

}  // namespace

bool ChoicesAreSteady() { return steady; }

SteadyChoice::SteadyChoice() : former_(std::exchange(steady, true)) {}

SteadyChoice::~SteadyChoice() { steady = former_; }

std::size_t FastestOf(std::size_t count, const std::function<void(std::size_t)>& run) {
  if (count == 1 || ChoicesAreSteady()) return 0;
  using Clock = std::chrono::steady_clock;
  std::vector<Clock::duration> best(count, Clock::duration::max());
  for (int turn = 0; turn < 4; ++turn) {  // the first one warms up
    for (std::size_t i = 0; i < count; ++i) {
      const auto begin = Clock::now();
      run(i);
      if (turn > 0) best[i] = std::min(best[i], Clock::now() - begin);
    }
  }
  return static_cast<std::size_t>(std::min_element(best.begin(), best.end()) - best.begin());
}

}  // namespace samebits
