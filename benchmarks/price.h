// Prices: how much slower or faster a kernel that keeps its bits is than the fastest one that need
// not. A kernel is timed only after its bits were verified in this process.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/peak.h"
#include "benchmarks/rounds.h"
#include "kernels/core/op.h"

namespace samebits {

// One rung of the ladder: what a claim costs for a case.
struct Price {
  // "gemm", "conv2d", "pool2d", "reduction", "elementwise", "softmax", "train_step", "pipeline"
  std::string group;
  std::string operation;  // "conv2d_fwd_v1"
  std::string case_id;
  int threads;
  std::string claim;    // the rung
  std::string kernel;   // the fastest verified one with that claim or a stronger one
  std::string fastest;  // the fastest library, or kBandwidth where none has the operation
  Ratio ratio;          // time of `fastest` / time of `kernel`: above 1 the claim costs nothing
  std::string outcome;  // "faster", "slower", "inconclusive": where the interval lies to 1
  double seconds;       // of `kernel`, median
  double flops, bytes;  // of the case; no flops where they are not what takes the time
  // Of the peak: of fused multiply-adds, or of what the triad, on a device a copy, moves within as
  // much memory.
  double peak_fraction;  // 0: the peak is not known
  bool verified;  // its bits, in this process: to the golden, or a library's to its own claim

  double Gflops() const { return flops / seconds * 1e-9; }
  double Gbs() const { return bytes / seconds * 1e-9; }
};

// The comparator where no library has the operation: the time of moving the case's bytes at 85 % of
// the measured bandwidth.
inline constexpr const char* kBandwidth = "bandwidth85";

// The golden's bits, the price that counts.
inline constexpr const char* kEverywhere = "everywhere";

// A library's own bits over the cells that were timed: recorded, not failed.
struct Drift {
  std::string kernel;
  int cells = 0;
  int golden = 0;   // with the golden's bits
  int runs = 0;     // whose bits moved between two runs
  int threads = 0;  // whose bits are not those of the same case on the first number of threads
};

// A library of a device against the fastest of our kernels.
struct LibraryPrice {
  std::string operation, case_id;
  std::string library, claim;  // "cudnn_binary32", "run"
  std::string kernel;          // ours
  Ratio ratio;                 // time of the library / time of ours
  double seconds;              // of the library, median
};

// The time per image of a layer of the recipe, at one batch.
struct BatchPrice {
  std::string operation, case_id, kernel;
  std::int64_t batch;
  double seconds_per_image;
  Ratio to_smallest;  // time per image at this batch / at the smallest
};

struct PriceList {
  std::vector<Price> prices = {};
  std::vector<BatchPrice> batches = {};
  std::string device = {};                   // "cuda"; empty: the processor
  std::vector<LibraryPrice> libraries = {};  // of the device
  std::vector<Peak> peaks = {};              // one for each number of threads
  std::vector<Drift> drifts = {};
  std::vector<std::string> absent = {};  // kernels that could not run, one line each
  std::vector<std::string> wrong = {};   // kernels that were not timed because of their bits
  // While several threads were timed: for which part of their time they had work but no processor,
  // and how much time that was.
  double waiting = 0;
  double processor_seconds = 0;
  Rounds rounds = {};
};

struct PriceSettings {
  std::vector<int> threads = {1, 2};
  Rounds rounds;
  std::string filter;       // shell style, of "operation/case"; empty: all
  bool only_quick = false;  // leaves out what takes long
  bool batches = true;      // the time per image at several batches as well
  int budget = 0;           // seconds after which no case is begun; 0: all are
  // Where kernels run: null, the processor; kCuda or kCudaEmulated, on tensors that stay there.
  const Backend* device = nullptr;

  // The whole list, or the short one, of two minutes.
  static PriceSettings Of(bool quick);
  // The same on a device, whose times vary less.
  PriceSettings On(const Backend& backend) const;
};

// Whether the machine had nothing else to do while it was timed.
bool WasQuiet(const PriceList& list);

// Prices on several threads need a quiet machine: libraries wait for their threads in turns of a
// processor.
bool SaysSomething(const PriceList& list, const Price& price);

// Sets the outcome of every price: where its interval lies to 1, inconclusive where it says
// nothing.
void Conclude(PriceList& list);

// Prices the timed cases on these kernels. `progress` gets a line a case.
PriceList Prices(std::span<const Kernel* const> kernels, const PriceSettings& settings,
                 const std::function<void(const std::string&)>& progress);

}  // namespace samebits
