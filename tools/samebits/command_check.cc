// samebits check LIBRARY: the gate's cells of a user's own kernel.
#include <unistd.h>
#include <csignal>

#include <array>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/library.h"
#include "conformance/matrix.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

// A kernel that crashes takes the process with it: the cell is named first.
class CrashReport {
 public:
  CrashReport() {
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
      struct sigaction action = {};
      action.sa_handler = Report;
      ::sigaction(signal, &action, nullptr);
    }
  }
  void Enter(const Cell& cell) {
    const auto line =
        fmt::format_to_n(line_.data(), line_.size(),
                         "samebits: the kernel crashed the process; repeat it in a debugger: {}\n",
                         RepeatCommand(cell));
    size_ = std::min(line.size, line_.size());
  }

 private:
  static void Report(int) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line_.data(), size_);
    ::_exit(kExitBitsDiffer);
  }
  static inline std::array<char, 1024> line_{};
  static inline std::size_t size_ = 0;
};

struct Checked {
  Matrix matrix;
  std::vector<std::string> failures;  // the first of each case
  std::map<std::string_view, int> counts;
};

std::string CaseOf(const Cell& cell) {
  return fmt::format("{}/{}", cell.kernel->op->name, cell.case_id);
}

Checked Check(const std::vector<Cell>& cells, bool json) {
  Judge judge(GoldenDirectory(), InOwnProcess());
  CrashReport crash;
  Checked checked;
  std::set<std::string> failed_cases;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % 100 == 0) fmt::print(stderr, "cell {} of {}\n", i + 1, cells.size());
    crash.Enter(cells[i]);
    const Outcome outcome = judge.Evaluate(cells[i]);
    const nlohmann::json line = JsonOf(outcome);
    if (json) fmt::print("{}\n", line.dump());
    checked.matrix.Add(line);
    ++checked.counts[VerdictName(outcome.verdict)];
    if (!outcome.Failed()) continue;
    if (failed_cases.insert(CaseOf(cells[i])).second) {
      checked.failures.push_back(fmt::format("{}: {}: {}\n  repeat: {}\n", cells[i].Id(),
                                             VerdictName(outcome.verdict), outcome.reason,
                                             RepeatCommand(cells[i])));
    }
  }
  return checked;
}

void Print(const Checked& checked) {
  constexpr std::size_t kMost = 5;
  for (std::size_t i = 0; i < checked.failures.size() && i < kMost; ++i) {
    fmt::print("{}", checked.failures[i]);
  }
  if (checked.failures.size() > kMost) {
    fmt::print("... and {} more cases; --json shows all\n", checked.failures.size() - kMost);
  }
  fmt::print("{}{}\n", checked.failures.empty() ? "" : "\n", checked.matrix.Text());
  for (const auto& [verdict, count] : checked.counts) fmt::print("{} {}\n", count, verdict);
}

}  // namespace

void AddCheck(CLI::App& app, int& exit_code) {
  struct Options {
    std::string library, filter;
    bool quick = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check", "Run the gate's cells on a kernel of your own, in a shared library");
  command->add_option("LIBRARY", options->library, "Made with include/samebits/kernel.h")
      ->required();
  command->add_option("FILTER", options->filter, "Only cells like this, as '*#threads=2'");
  command->add_flag("--quick", options->quick, "Only the quick part of the plan");
  command->add_flag("--json", options->json, "One line of JSON for each cell");
  command->callback([options, &exit_code] {
    std::vector<Cell> cells = Plan(LoadLibrary(options->library));
    std::erase_if(cells, [&](const Cell& cell) {
      return (options->quick && !IsQuick(cell)) || !MatchesFilter(cell.Id(), options->filter);
    });
    if (cells.empty()) throw UserError("no cell matches; FILTER is like '*#threads=2'");
    const Checked checked = Check(cells, options->json);
    if (!options->json) Print(checked);
    const bool proven = checked.counts.contains(VerdictName(Verdict::kMatch));
    if (!proven && checked.failures.empty()) {
      throw UnavailableError("no cell ran, so nothing was proven");
    }
    exit_code = checked.failures.empty() ? kExitHolds : kExitBitsDiffer;
  });
}

}  // namespace samebits
