#include "benchmarks/price.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "benchmarks/cells.h"
#include "conformance/verdict.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

// Seconds of each repetition, by cell id.
using Times = std::map<std::string, std::vector<double>>;

class Collector : public benchmark::BenchmarkReporter {
 public:
  explicit Collector(Times& times) : times_(times) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.iterations == 0) continue;
      std::string id = run.run_name.function_name;
      times_[id].push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
    }
  }

 private:
  Times& times_;
};

void InitializeLibrary(const PriceSettings& settings) {
  std::vector<std::string> options = {
      "price", "--benchmark_enable_random_interleaving=true",
      fmt::format("--benchmark_repetitions={}", settings.repetitions),
      fmt::format("--benchmark_min_time={}", settings.min_seconds)};
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// A small generator with a fixed seed: the same times always give the same interval.
std::size_t Draw(std::uint64_t& state, std::size_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<std::size_t>(state >> 33) % below;
}

// The ratio of medians and its 95 % interval: percentiles over resampled repetitions.
void SetRatio(Price& price, const std::vector<double>& fastest, const std::vector<double>& kernel) {
  constexpr int kResamples = 2000;
  price.ratio = Median(fastest) / Median(kernel);
  std::uint64_t state = 1;
  std::vector<double> ratios;
  const auto resample = [&](const std::vector<double>& times) {
    std::vector<double> sample(times.size());
    for (double& time : sample) time = times[Draw(state, times.size())];
    return Median(std::move(sample));
  };
  for (int i = 0; i < kResamples; ++i) ratios.push_back(resample(fastest) / resample(kernel));
  std::sort(ratios.begin(), ratios.end());
  price.low = ratios[kResamples / 40];
  price.high = ratios[kResamples - 1 - kResamples / 40];
  price.outcome = price.low > 1 ? "faster" : price.high < 1 ? "slower" : "inconclusive";
}

std::string GroupOf(std::string_view operation) {
  return operation.starts_with("dense") ? "gemm"
                                        : std::string(operation.substr(0, operation.find('_')));
}

// The fastest of the cells by median.
const Cell* Fastest(const std::vector<const Cell*>& cells, const Times& times) {
  const auto time = [&](const Cell* cell) { return Median(times.at(cell->Id())); };
  const auto best = std::min_element(cells.begin(), cells.end(),
                                     [&](auto a, auto b) { return time(a) < time(b); });
  return best == cells.end() ? nullptr : *best;
}

class Drifts {
 public:
  void Add(const Cell& cell, const Outcome& outcome, Judge& judge) {
    Drift& drift = Of(cell.kernel->name);
    ++drift.cells;
    drift.golden += outcome.verdict == Verdict::kMatch;
    const Cell twice{cell.kernel, cell.case_id, &AllAxes()[0], 2};
    drift.runs += judge.Evaluate(twice).verdict == Verdict::kMismatch;
    const auto first = first_.try_emplace(fmt::format("{}@{}", cell.kernel->name, cell.case_id),
                                          outcome.output.whole);
    drift.threads += first.first->second != outcome.output.whole;
  }
  std::vector<Drift> Take() { return std::move(drifts_); }

 private:
  Drift& Of(std::string_view kernel) {
    for (Drift& drift : drifts_) {
      if (drift.kernel == kernel) return drift;
    }
    return drifts_.emplace_back(Drift{std::string(kernel)});
  }

  std::vector<Drift> drifts_;
  std::map<std::string, std::string> first_;  // digests on the first number of threads
};

}  // namespace

PriceList Prices(const PriceSettings& settings,
                 const std::function<void(const std::string&)>& progress) {
  InitializeLibrary(settings);
  Judge judge(GoldenDirectory(), {});
  PriceList list;
  Drifts drifts;
  const std::vector<Cell> cells = TimedCells(settings.threads);
  for (std::size_t begin = 0, end; begin < cells.size(); begin = end) {
    // All kernels of one case and number of threads.
    for (end = begin; end < cells.size() && cells[end].case_id == cells[begin].case_id &&
                      cells[end].point == cells[begin].point &&
                      cells[end].kernel->op == cells[begin].kernel->op;) {
      ++end;
    }
    const Op& op = *cells[begin].kernel->op;
    progress(fmt::format("{}/{} on {} threads", op.name, cells[begin].case_id, cells[begin].point));
    benchmark::ClearRegisteredBenchmarks();
    std::vector<const Cell*> exact, others;
    for (std::size_t i = begin; i < end; ++i) {
      const Cell& cell = cells[i];
      const Outcome outcome = judge.Evaluate(cell);
      if (outcome.Failed()) {
        throw BitsError(
            fmt::format("{}: {}: {}", cell.Id(), VerdictName(outcome.verdict), outcome.reason));
      }
      if (outcome.verdict == Verdict::kUnavailable) {
        const std::string line = fmt::format("{}: {}", cell.kernel->name, outcome.reason);
        if (std::find(list.absent.begin(), list.absent.end(), line) == list.absent.end()) {
          list.absent.push_back(line);
        }
        continue;
      }
      if (cell.kernel->claim < Claim::kEverywhere) drifts.Add(cell, outcome, judge);
      (cell.kernel->claim == Claim::kEverywhere ? exact : others).push_back(&cell);
      RegisterCell(cell);
    }
    Times times;
    Collector collector(times);
    benchmark::RunSpecifiedBenchmarks(&collector);
    const Cell *const kernel = Fastest(exact, times), *const fastest = Fastest(others, times);
    if (kernel == nullptr || fastest == nullptr) continue;
    Price price{.group = GroupOf(op.name),
                .operation = std::string(op.name),
                .case_id = cells[begin].case_id,
                .threads = cells[begin].point,
                .claim = std::string(ClaimName(kernel->kernel->claim)),
                .kernel = std::string(kernel->kernel->name),
                .fastest = std::string(fastest->kernel->name),
                .ratio = 0,
                .low = 0,
                .high = 0,
                .outcome = "",
                .gflops = op.flops(Case::Parse(cells[begin].case_id)) /
                          Median(times.at(kernel->Id())) * 1e-9,
                .verified = true};
    SetRatio(price, times.at(fastest->Id()), times.at(kernel->Id()));
    list.prices.push_back(price);
  }
  list.drifts = drifts.Take();
  return list;
}

}  // namespace samebits
