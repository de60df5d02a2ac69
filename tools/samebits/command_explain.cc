// samebits explain CELL: run one cell, and say what is wrong with its bits.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/library.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

Outcome OutcomeOf(const Cell& cell) {
  Judge judge(GoldenDirectory(), InOwnProcess());
  Outcome outcome = judge.Evaluate(cell);
  // The gate does not ask where a comparator leaves the golden; a reader does, but of another
  // process only the digest is known.
  if (outcome.verdict == Verdict::kNotPromised && !cell.SettingOf().process) {
    const Cell reference{&Reference(*cell.kernel->op), cell.case_id, &AllAxes()[0], 1};
    outcome.difference = Explain(cell, Judge::Execute(cell), Judge::Execute(reference));
  }
  return outcome;
}

void Print(const Outcome& outcome) {
  fmt::print("cell     {}\nverdict  {}\n", outcome.cell.Id(), VerdictName(outcome.verdict));
  // A wrong kernel's reason is the lines below.
  if (!outcome.reason.empty() && (!outcome.difference || !outcome.Failed())) {
    fmt::print("reason   {}\n", outcome.reason);
  }
  if (!outcome.difference) return;
  const Divergence& first = outcome.difference->first;
  fmt::print("element  {}, the first of {} that differ, of {}\ngot      {}\nwant     {}\n",
             first.element, first.differing, first.elements, first.got, first.want);
  if (first.has_ulps) fmt::print("apart    {} ULP\n", first.ulps);
  fmt::print("order    {}\n", DescribeOrders(*outcome.difference));
}

int ExitCodeOf(const Outcome& outcome) {
  if (outcome.verdict == Verdict::kUnavailable) return kExitUnavailable;
  return outcome.Failed() ? kExitBitsDiffer : kExitHolds;
}

}  // namespace

void AddExplain(CLI::App& app, int& exit_code) {
  struct Options {
    std::string cell, library;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "explain",
      "Run one cell, and say where its bits leave the golden's and in which wrong order");
  command->add_option("CELL", options->cell, "operation/case@kernel#axis=point")->required();
  AddLibrary(*command, options->library);
  command->add_flag("--json", options->json, "One line of JSON");
  command->callback([options, &exit_code] {
    if (!options->library.empty()) LoadLibrary(options->library);
    const Outcome outcome = OutcomeOf(ParseCell(options->cell));
    if (options->json) {
      fmt::print("{}\n", JsonOf(outcome).dump());
    } else {
      Print(outcome);
    }
    exit_code = ExitCodeOf(outcome);
  });
}

}  // namespace samebits
