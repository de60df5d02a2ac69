// The plan: operation x case x kernel x axis, the one list behind gate, benchmarks and tools.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/collectives.h"
#include "kernels/core/op.h"

namespace samebits {

// The floating-point state of the thread that calls the kernel.
enum class CallerState : int {
  kPlain = 1,
  kFlush,         // subnormals flushed to zero, read and written
  kTowardZero,    // rounds toward zero
  kDownAndFlush,  // rounds down, and flushes subnormals
};

// How a kernel is run: what may vary while no bit may.
struct Setting {
  int threads = 1;
  int repeats = 1;       // all must give the same bits
  bool process = false;  // in a process of its own
  int isa_bits = 0;      // width of the widest vectors plain code may use; 0: the machine's
  int offset = 0;        // elements from an address of 64-byte alignment to every tensor
  CallerState caller = CallerState::kPlain;
  bool comma_locale = false;    // the process' locale writes decimals with a comma
  bool poison_scratch = false;  // scratch memory is full of NaNs
  int piece = 0;                // samples to a call, the batch in pieces; 0: the whole batch
  int map_threads = 1;          // of the data pipeline
  int prefetch = 2;             // batches that it prepares ahead
  int workers = 1;              // each has some leaves of the batch, one after the other
  int ranks = 1;                // threads that have some leaves each, and reduce what they sum
  Mapping mapping = Mapping::kInOrder;  // of leaves to ranks
  int schedule = 0;                     // of emulated threads (kernels/cuda/emulator.h)
  bool contention = false;              // a second stream keeps the GPU busy
};

// A point is one setting; the first point of every axis is the plain run.
struct Axis {
  std::string_view name;
  int least, most;  // points that mean something
  // Why it makes no sense for a kernel; empty when it does.
  std::string_view (*why_not)(const Kernel&);
  // The points that are worth a run of this case.
  std::vector<int> (*points)(const Kernel&, const Case&);
  void (*apply)(int point, Setting&);
};

std::span<const Axis> AllAxes();

// One cell; its id alone reproduces it: "conv2d_fwd_v1/n1..._seed812@avx2#threads=7".
struct Cell {
  const Kernel* kernel;
  std::string case_id;
  const Axis* axis;
  int point;

  std::string Id() const;
  Setting SettingOf() const;
};

// The case ids of an operation: its cases with each of kSeeds, its timed cases with seed 812.
std::vector<std::string> CaseIds(const Op& op);

// It is there to be timed, not among those that stress the order.
bool IsTimed(const Op& op, const Case& c);

// The kernel runs the logic of other hardware on this ("avx512_on_avx2", "cuda_emulated"), to test
// it, at no speed.
bool IsEmulation(const Kernel& kernel);

// Its cases are training runs.
bool IsTraining(const Op& op);

// A training run over whole epochs: few axes are crossed with it.
bool IsWholeRun(const Case& c);

// A timed case of so many operations (more than 10^11) that only GPUs are asked for it.
bool IsForDevices(const Op& op, const Case& c);

// It would take the reference hours: `portable` wrote its golden, after the reference had matched
// shorter ones (of a training run the first 30 steps).
bool IsTooLongForReference(const Op& op, const Case& c);

// Its tensors lie in 16 bits, which every kernel meets in the same way: the axes that ask how it
// computes are crossed with its binary32.
bool IsStored(const Op& op, const Case& c);

// A minute's worth of the plan: one seed, and of training the fast kernels' first steps.
bool IsQuick(const Cell& cell);

// The case whose whole bitstream is stored: the operation's second case.
std::string StoredCaseId(const Op& op, std::int64_t seed);

// Whether the cell's id is like the filter, shell style: "dense_*@avx2#*". Empty: all are.
bool MatchesFilter(const std::string& cell_id, const std::string& filter);

// All cells of the kernels, the plain run of each kernel and case once.
std::vector<Cell> Plan(std::span<const Kernel* const> kernels);

// Throws UserError naming what is wrong with the id.
Cell ParseCell(std::string_view id);

}  // namespace samebits
