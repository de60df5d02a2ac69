// Prices: how much slower or faster a kernel that keeps its bits is than the fastest one that need
// not. Google Benchmark takes the times, its repetitions of all kernels of a case interleaved at
// random; a kernel is timed only after its bits were verified in this process.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/core/op.h"

namespace samebits {

struct Price {
  std::string group;      // "conv2d", "gemm"
  std::string operation;  // "conv2d_fwd_v1"
  std::string case_id;
  int threads;
  std::string claim;    // what the priced kernel promises
  std::string kernel;   // the fastest verified one with that claim
  std::string fastest;  // the fastest verified one of a weaker claim, or of none
  // time of `fastest` / time of `kernel`, median over the repetitions, and its interval of 95 %
  // (bootstrap). Above 1 the bits cost nothing.
  double ratio, low, high;
  std::string outcome;  // "faster", "slower", "inconclusive": where the interval lies to 1
  double gflops;        // of `kernel`
  bool verified;        // never false in what Prices returns; failures throw
};

// A comparator's own bits over the cells that were timed: recorded, not failed.
struct Drift {
  std::string kernel;
  int cells = 0;
  int golden = 0;   // with the golden's bits
  int runs = 0;     // whose bits moved between two runs
  int threads = 0;  // whose bits are not those of the same case on the first number of threads
};

struct PriceList {
  std::vector<Price> prices;
  // Comparators that could not run, one line each.
  std::vector<std::string> absent;
  std::vector<Drift> drifts;
};

struct PriceSettings {
  std::vector<int> threads = {1, 2};
  int repetitions = 9;
  double min_seconds = 0.02;  // of one repetition
};

// Times every timed case of the operations that have a comparator. Throws BitsError when a kernel
// that claims `everywhere` does not have the golden's bits. `progress` gets a line a case.
PriceList Prices(const PriceSettings& settings,
                 const std::function<void(const std::string&)>& progress);

// A kernel about to be timed does not have the bits it claims.
class BitsError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace samebits
