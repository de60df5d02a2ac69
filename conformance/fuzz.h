// Random shapes and values within the contract: every kernel against the reference.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "conformance/plan.h"

namespace samebits {

// Random cases of one operation, a pure function of the seed: the settings of its listed cases with
// other numbers, small ones and those beside the contract's borders, and other inputs.
class CaseMaker {
 public:
  CaseMaker(const Op& op, std::uint64_t seed);

  // The next case that makes sense for the operation and takes the reference milliseconds.
  std::string Next();

 private:
  bool Chance(int percent) { return random_() % 100 < static_cast<std::uint64_t>(percent); }
  template <class Range>
  const auto& OneOf(const Range& range) {
    return range[random_() % std::size(range)];
  }
  std::int64_t Number(std::int64_t listed);
  std::string Attempt();

  const Op& op_;
  std::vector<Case> listed_;
  std::mt19937_64 random_;
};

struct FuzzReport {
  std::int64_t cases = 0, cells = 0;
  std::string failure;  // of the first cell that failed, which ends the run; empty: none did
};

struct FuzzOptions {
  std::uint64_t seed = 812;
  std::int64_t cases = 1000;  // the operations take turns
  std::function<void(const FuzzReport&)> progress;
};

// Every kernel that claims the golden's bits, on each case at one point of one axis, against the
// reference. The operations are those of the kernels; training is none of them.
FuzzReport Fuzz(std::span<const Kernel* const> kernels, const FuzzOptions& options);

}  // namespace samebits
