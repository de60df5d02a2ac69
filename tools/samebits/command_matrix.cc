// samebits matrix: operation x kernel, and how many cells of each axis hold.
#include "conformance/matrix.h"

#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

Matrix RunQuickPart(const std::string& filter) {
  std::vector<Cell> cells = Plan(AllKernels());
  std::erase_if(
      cells, [&](const Cell& cell) { return !IsQuick(cell) || !MatchesFilter(cell.Id(), filter); });
  Judge judge(GoldenDirectory(), InOwnProcess());
  Matrix matrix;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % 100 == 0) fmt::print(stderr, "cell {} of {}\n", i + 1, cells.size());
    matrix.Add(JsonOf(judge.Evaluate(cells[i])));
  }
  return matrix;
}

Matrix MatrixOf(const std::string& file, const std::string& filter) {
  if (file.empty()) return RunQuickPart(filter);
  std::ifstream lines(file);
  if (!lines) throw UserError(fmt::format("cannot read {}", file));
  return ReadMatrix(lines, file, filter);
}

}  // namespace

void AddMatrix(CLI::App& app, int& exit_code) {
  struct Options {
    std::string file, filter;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "matrix", "Show which operations and kernels hold on which axes: of the plan's quick part");
  command->add_option("FILTER", options->filter, "Only cells like this, as '*@avx2#*'");
  command->add_option("--from", options->file,
                      "Run nothing: read what samebits_conformance --jsonl FILE wrote");
  command->add_flag("--json", options->json, "One line of JSON");
  command->callback([options, &exit_code] {
    const Matrix matrix = MatrixOf(options->file, options->filter);
    if (matrix.empty()) throw UserError("no cell matches; FILTER is like '*@avx2#*'");
    fmt::print("{}", options->json ? matrix.Json().dump() + "\n" : matrix.Text());
    exit_code = matrix.Failed() ? kExitBitsDiffer : kExitHolds;
  });
}

}  // namespace samebits
