// samebits compare A B: are two training runs the same, bit for bit?
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/run_files.h"

namespace samebits {

void AddCompare(CLI::App& app, int& exit_code) {
  struct Options {
    std::string a, b;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "compare", "Compare two training runs: every history key, step and tensor");
  command->add_option("A", options->a, "Directory of a run")->required();
  command->add_option("B", options->b, "Directory of another run")->required();
  command->add_flag("--json", options->json, "One line of JSON");
  command->callback([options, &exit_code] {
    exit_code = CompareRuns(options->a, options->b, options->json) ? kExitHolds : kExitBitsDiffer;
  });
}

}  // namespace samebits
