// samebits fuzz: random shapes and values, every kernel against the reference.
#include "conformance/fuzz.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "tools/samebits/commands.h"

namespace samebits {

void AddFuzz(CLI::App& app, int& exit_code) {
  struct Settings {
    FuzzOptions fuzz;
    std::string operation;
    bool json = false;
  };
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "fuzz", "Run every kernel on random shapes and values, and compare it with the reference");
  command->add_option("OPERATION", settings->operation, "Only this one, as dense_fwd_v1");
  AddNumber<std::uint64_t>(*command, "--seed", settings->fuzz.seed, 0, 0xffffffff,
                           "Other seeds make other cases");
  AddNumber<std::int64_t>(*command, "--cases", settings->fuzz.cases, 1, 1'000'000'000,
                          "Cases in all; the operations take turns");
  command->add_flag("--json", settings->json, "One line of JSON");
  command->callback([settings, &exit_code] {
    std::vector<const Kernel*> kernels;
    for (const Kernel* kernel : AllKernels()) {
      if (settings->operation.empty() || kernel->op->name == settings->operation) {
        kernels.push_back(kernel);
      }
    }
    if (kernels.empty()) {
      throw UserError(fmt::format("there is no operation '{}'", settings->operation));
    }
    FuzzOptions& options = settings->fuzz;
    options.progress = [&](const FuzzReport& report) {
      if (report.cases % 1000 == 0) {
        fmt::print(stderr, "{} of {} cases, {} cells\n", report.cases, options.cases, report.cells);
      }
    };
    const FuzzReport report = Fuzz(kernels, options);
    if (settings->json) {
      fmt::print("{}\n", nlohmann::json{{"seed", options.seed},
                                        {"cases", report.cases},
                                        {"cells", report.cells},
                                        {"failure", report.failure}}
                             .dump());
    } else if (report.failure.empty()) {
      fmt::print("{} cases, {} cells, the reference's bits in all; seed {}\n", report.cases,
                 report.cells, options.seed);
    } else {
      fmt::print("{}\n", report.failure);
    }
    exit_code = report.failure.empty() ? kExitHolds : kExitBitsDiffer;
  });
}

}  // namespace samebits
