// samebits repeat-kernel CELL...: many runs on a busy machine; not one may differ.
#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/cell_run.h"
#include "conformance/library.h"
#include "conformance/problem.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/contention.h"
#include "kernels/cuda/stream.h"
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

struct Repeated {
  std::string cell;
  int runs = 0;       // until the first that was wrong, or all
  std::string wrong;  // what; empty when nothing was
};

// The first run is judged by the golden, the others by the first.
Repeated Repeat(const Cell& cell, int times) {
  Judge judge(GoldenDirectory(), InOwnProcess());
  const Outcome outcome = judge.Evaluate(cell);
  if (outcome.verdict == Verdict::kUnavailable) throw UnavailableError(outcome.reason);
  if (outcome.Failed()) return {cell.Id(), 1, outcome.reason};
  CellRun run(cell);
  const Bitstream first = run.Once();
  for (int i = 2; i <= times; ++i) {
    const Bitstream next = run.Once();
    if (!run.fault().empty()) return {cell.Id(), i, "the kernel " + run.fault()};
    if (const auto other = FirstDivergence(run.problem().signature().outputs, next, first)) {
      return {cell.Id(), i, "other bits than run 1: " + Describe(*other)};
    }
    if (std::int64_t{i} * 10 % times < 10)
      fmt::print(stderr, "{}: {} of {} runs\n", cell.Id(), i, times);
  }
  return {cell.Id(), times, {}};
}

// Of every operation that a kernel has, but of no training, the largest case that is quickly
// compared: many blocks or threads share its work.
std::vector<Cell> LargestCells(const std::string& kernel) {
  constexpr std::int64_t kMostBytes = 4 << 20;
  std::vector<Cell> cells;
  std::int64_t largest = 0;
  for (const Cell& cell : Plan(AllKernels())) {
    const Op& op = *cell.kernel->op;
    const Case c = Case::Parse(cell.case_id);
    if (cell.kernel->name != kernel || cell.axis->name != "run" || cell.point != 1 ||
        c.Seed() != 812 || IsTraining(op)) {
      continue;
    }
    const std::int64_t bytes = BytesOf(op.signature(c));
    const bool is_next = cells.empty() || cells.back().kernel != cell.kernel;
    if (bytes > kMostBytes || (!is_next && bytes <= largest)) continue;
    largest = bytes;
    if (!is_next) cells.pop_back();
    cells.push_back(cell);
  }
  if (cells.empty()) throw UserError(fmt::format("--kernel {}: no operation has it", kernel));
  return cells;
}

void Print(const Repeated& repeated, bool json) {
  const auto& [cell, runs, wrong] = repeated;
  if (json) {
    fmt::print(
        "{}\n",
        nlohmann::json{{"cell", cell}, {"runs", runs}, {"same", wrong.empty()}, {"wrong", wrong}}
            .dump());
  } else if (wrong.empty()) {
    fmt::print("{}: {} runs, the same bits\n", cell, runs);
  } else {
    fmt::print("{}: run {}: {}\n", cell, runs, wrong);
  }
}

}  // namespace

void AddRepeatKernel(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> cells;
    std::string library, kernel;
    int times = 1000;
    bool idle = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("repeat-kernel",
                                         "Run cells many times while the other cores, or a second "
                                         "stream of the GPU, are busy: not one "
                                         "run may differ");
  command->add_option("CELL", options->cells, "operation/case@kernel#axis=point");
  command->add_option("--kernel", options->kernel,
                      "One cell of every operation that this kernel has: its largest case of at "
                      "most 4 MiB");
  AddLibrary(*command, options->library);
  AddNumber(*command, "--times", options->times, 1, 1'000'000'000, "Runs of each cell");
  command->add_flag("--no-load", options->idle, "Leave the other cores, and the GPU, alone");
  command->add_flag("--json", options->json, "One line of JSON for each cell");
  command->callback([options, &exit_code] {
    if (!options->library.empty()) LoadLibrary(options->library);
    std::vector<Cell> cells;
    if (!options->kernel.empty()) cells = LargestCells(options->kernel);
    for (const std::string& id : options->cells) cells.push_back(ParseCell(id));
    if (cells.empty()) throw UserError("repeat-kernel: name a CELL, or a --kernel");
    const Load load(options->idle ? 0 : OtherCores());
    const bool on_gpu = std::any_of(cells.begin(), cells.end(), [](const Cell& cell) {
      return cell.kernel->backend == &kCuda && kCuda.unavailable().empty();
    });
    std::optional<GpuContention> contention;
    if (on_gpu && !options->idle) contention.emplace();
    for (const Cell& cell : cells) {
      const Repeated repeated = Repeat(cell, options->times);
      Print(repeated, options->json);
      if (!repeated.wrong.empty()) exit_code = kExitBitsDiffer;
    }
  });
}

}  // namespace samebits
