// Kernels that know several ways, such as a library's formats, take the one that is fastest when
// they first run. Where every process must give the same bits, they take the first instead.
#pragma once

#include <cstddef>
#include <functional>

namespace samebits {

bool ChoicesAreSteady();

// While it lives, in its thread.
class SteadyChoice {
 public:
  SteadyChoice();
  ~SteadyChoice();
  SteadyChoice(const SteadyChoice&) = delete;
  SteadyChoice& operator=(const SteadyChoice&) = delete;

 private:
  const bool former_;
};

// Which of `count` (at least 1) ways is fastest, by the best of a few runs of each, in turns:
// another process may find another. The first where choices are steady.
std::size_t FastestOf(std::size_t count, const std::function<void(std::size_t)>& run);

}  // namespace samebits
