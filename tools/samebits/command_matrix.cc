// samebits matrix: operation x kernel, and how many cells of each axis hold.
#include "conformance/matrix.h"

#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

Matrix MatrixOf(const std::string& file, const std::string& filter) {
  if (file.empty()) {
    return RunQuickPart(filter, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  }
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
