// samebits_benchmarks: times every timed cell whose bits were verified in this process. Ordinary
// Google Benchmark options and filters; a filter takes cell ids. A kernel whose bits are wrong is
// not timed, and the run exits with 1.
#include <cstdio>
#include <regex>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "benchmarks/cells.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"

int main(int argc, char** argv) {
  using namespace samebits;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return kExitUsage;
  Judge judge(GoldenDirectory(), {});
  const std::regex filter(
      benchmark::GetBenchmarkFilter().empty() ? "." : benchmark::GetBenchmarkFilter());
  int wrong = 0;
  for (const Cell& cell : TimedCells(AllKernels(), {1, 2})) {
    if (!std::regex_search(cell.Id(), filter)) continue;
    const Outcome outcome = judge.Evaluate(cell);
    if (outcome.Failed()) {
      ++wrong;
      fmt::print(stderr, "NOT TIMED: {}: {}: {}\n", cell.Id(), VerdictName(outcome.verdict),
                 outcome.reason);
    } else if (outcome.verdict == Verdict::kUnavailable) {
      fmt::print(stderr, "NOT RUN: {}: {}\n", cell.Id(), outcome.reason);
    } else {
      RegisterCell(cell);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return wrong == 0 ? kExitHolds : kExitBitsDiffer;
}
