#include "benchmarks/cells.h"

#include <algorithm>
#include <memory>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "conformance/problem.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/cuda/stream.h"

namespace samebits {

void RegisterCell(const Cell& cell) {
  benchmark::RegisterBenchmark(cell.Id().c_str(), [cell](benchmark::State& state) {
    // Kept between repetitions: building the inputs of a large case takes longer than timing it.
    static std::unique_ptr<Problem> problem;
    static std::string problem_name;
    const std::string name = fmt::format("{}/{}", cell.kernel->op->name, cell.case_id);
    if (name != problem_name) {
      problem.reset();
      problem = std::make_unique<Problem>(*cell.kernel->op, cell.case_id);
      problem_name = name;
    }
    Team team(cell.SettingOf().threads);
    for (auto _ : state) {
      Run(*cell.kernel, problem->case_of(), problem->buffers(), team);
      benchmark::ClobberMemory();
    }
    if (cell.kernel->op->flops != nullptr) {
      state.counters["flops"] = benchmark::Counter(cell.kernel->op->flops(problem->case_of()),
                                                   benchmark::Counter::kIsIterationInvariantRate);
    }
  })->UseRealTime();
}

std::vector<Cell> TimedCells(std::span<const Kernel* const> kernels,
                             const std::vector<int>& threads, const Backend* device) {
  const auto axes = AllAxes();
  const auto axis =
      std::find_if(axes.begin(), axes.end(), [](const Axis& a) { return a.name == "threads"; });
  std::vector<Cell> cells;
  for (const Op* op : AllOps()) {
    for (const std::string_view timed : op->timed_cases) {
      const std::string id = fmt::format("{}_seed812", timed);
      const Case c = Case::Parse(id);
      if (IsWholeRun(c) || (device != &kCuda && IsForDevices(*op, c))) continue;
      for (const int count : threads) {
        for (const Kernel* kernel : kernels) {
          const bool on_host = !IsEmulation(*kernel) && kernel->backend != &kCuda;
          const bool wanted = device == nullptr ? on_host : kernel->backend == device;
          if (kernel->op != op || kernel->name == "reference" || !wanted) continue;
          cells.push_back({kernel, id, &*axis, count});
        }
      }
    }
  }
  return cells;
}

}  // namespace samebits
