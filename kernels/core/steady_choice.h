// Kernels that know several ways, such as a library's formats, take the one that is fastest when
// they first run. Where every process must give the same bits, they take the first instead.
#pragma once

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

}  // namespace samebits
