#include "benchmarks/rounds.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include <benchmark/benchmark.h>

namespace samebits {
namespace {

// Hands the seconds of one run to the contestant that the name numbers.
class Collector : public benchmark::BenchmarkReporter {
 public:
  Collector(std::vector<std::vector<double>>& times, Clock clock) : times_(times), clock_(clock) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const double seconds =
          clock_ == Clock::kWall ? run.real_accumulated_time : run.cpu_accumulated_time;
      times_[std::stoul(run.run_name.function_name)].push_back(seconds /
                                                               static_cast<double>(run.iterations));
    }
  }

 private:
  std::vector<std::vector<double>>& times_;
  const Clock clock_;
};

}  // namespace

double Estimate(const std::function<void()>& run) {
  double best = 1e9;
  for (int turn = 0; turn < 2; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

std::vector<std::vector<double>> TimeInRounds(const std::vector<Contestant>& contestants,
                                              const Rounds& rounds, Clock clock) {
  constexpr double kLong = 0.05;  // such a run does not need another to warm up
  // Threads of the contestant before may spin for more work, on a processor that this one needs:
  // libgomp's for 300,000 turns, a few milliseconds, before they sleep.
  const auto let_others_sleep = [clock] {
    if (clock == Clock::kWall) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  std::vector<std::int64_t> runs;
  std::vector<bool> warm_up;
  for (const Contestant& contestant : contestants) {
    let_others_sleep();
    const double seconds = Estimate(contestant.run);
    runs.push_back(static_cast<std::int64_t>(std::clamp(rounds.seconds / seconds, 1.0, 1e6)));
    warm_up.push_back(seconds < kLong);
  }
  std::vector<std::vector<double>> times(contestants.size());
  Collector collector(times, clock);
  for (int round = 0; round < rounds.count; ++round) {
    benchmark::ClearRegisteredBenchmarks();
    for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % contestants.size();
      benchmark::RegisterBenchmark(std::to_string(i).c_str(),
                                   [&, i](benchmark::State& state) {
                                     const auto& run = contestants[i].run;
                                     let_others_sleep();
                                     if (warm_up[i]) run();
                                     for (auto _ : state) {
                                       run();
                                       benchmark::ClobberMemory();
                                     }
                                   })
          ->Iterations(runs[i])
          ->UseRealTime();
    }
    benchmark::RunSpecifiedBenchmarks(&collector);
  }
  return times;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Ratio RatioOf(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr int kResamples = 2000;
  std::vector<double> ratios(a.size());
  std::transform(a.begin(), a.end(), b.begin(), ratios.begin(), std::divides());
  std::uint64_t state = 1;
  std::vector<double> medians, sample(ratios.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& ratio : sample) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      ratio = ratios[(state >> 33) % ratios.size()];
    }
    medians.push_back(Median(sample));
  }
  std::sort(medians.begin(), medians.end());
  return {Median(ratios), medians[kResamples / 40], medians[kResamples - 1 - kResamples / 40]};
}

}  // namespace samebits
