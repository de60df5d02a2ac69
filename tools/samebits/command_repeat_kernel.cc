// samebits repeat-kernel CELL...: many runs, on a busy machine if wanted; not one may differ.
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "conformance/cell_run.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

// Keeps the other cores busy, so that threads are interrupted and finish in other orders.
class Load {
 public:
  explicit Load(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!stop_.load(std::memory_order_relaxed)) {
        }
      });
    }
  }
  ~Load() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// At least one: a machine of a single core gets busy as well.
int OtherCores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1); }

// The first run is judged by the golden, the others by the first.
bool Repeat(const Cell& cell, int times) {
  Judge judge(GoldenDirectory(), InOwnProcess());
  const Outcome outcome = judge.Evaluate(cell);
  if (outcome.verdict == Verdict::kUnavailable) throw UnavailableError(outcome.reason);
  if (outcome.Failed()) {
    fmt::print("{}: {}: {}\n", cell.Id(), VerdictName(outcome.verdict), outcome.reason);
    return false;
  }
  CellRun run(cell);
  const Bitstream first = run.Once();
  for (int i = 2; i <= times; ++i) {
    const Bitstream next = run.Once();
    if (next != first || !run.fault().empty()) {
      const auto divergence = FirstDivergence(run.problem().signature().outputs, next, first);
      fmt::print("{}: run {} differs from run 1: {}\n", cell.Id(), i,
                 divergence ? Describe(*divergence) : "the kernel " + run.fault());
      return false;
    }
    if (i % 1000 == 0) fmt::print(stderr, "{}: {} of {} runs\n", cell.Id(), i, times);
  }
  fmt::print("{}: {} runs, the same bits\n", cell.Id(), times);
  return true;
}

}  // namespace

void AddRepeatKernel(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> cells;
    int times = 1000;
    bool load = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "repeat-kernel", "Run cells many times, and stop at the first run that gives other bits");
  command->add_option("CELL", options->cells, "operation/case@kernel#axis=point")->required();
  AddNumber(*command, "--times", options->times, 1, 1'000'000'000, "Runs of each cell");
  command->add_flag("--load", options->load, "Keep the other cores busy meanwhile");
  command->callback([options, &exit_code] {
    std::vector<Cell> cells;
    for (const std::string& id : options->cells) cells.push_back(ParseCell(id));
    const Load load(options->load ? OtherCores() : 0);
    for (const Cell& cell : cells) {
      if (!Repeat(cell, options->times)) exit_code = kExitBitsDiffer;
    }
  });
}

}  // namespace samebits
