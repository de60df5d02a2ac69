// The plan: operation x case x kernel x axis, the one list behind gate, benchmarks and tools.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/op.h"

namespace samebits {

// How a kernel is run: what may vary while no bit may.
struct Setting {
  int threads = 1;
  int repeats = 1;       // the last run's bits count, and all must be alike
  bool process = false;  // in a process of its own
  int isa_bits = 0;      // width of the widest vectors plain code may use; 0: the machine's
};

// A point is one setting; the first point of every axis is the plain run.
struct Axis {
  std::string_view name;
  // The points that make sense for a kernel and a case.
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

bool IsTimed(const Op& op, const Case& c);

// A training run over whole epochs: too long for the reference (hours), so `portable` wrote its
// golden, after the reference had matched the first 30 steps; few axes are crossed with it.
bool IsWholeRun(const Case& c);

// The case whose whole bitstream is stored: the operation's second case.
std::string StoredCaseId(const Op& op, std::int64_t seed);

// All cells of the kernels, the plain run of each kernel and case once.
std::vector<Cell> Plan(std::span<const Kernel* const> kernels);

// Throws UserError naming what is wrong with the id.
Cell ParseCell(std::string_view id);

}  // namespace samebits
