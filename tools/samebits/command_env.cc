// samebits env: what would be recorded beside a result.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"

namespace samebits {

void AddEnv(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("env", "Show what is recorded of this machine and build");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One line of JSON");
  command->callback([json] {
    const nlohmann::ordered_json environment = Environment();
    if (*json) {
      fmt::print("{}\n", environment.dump());
      return;
    }
    for (const auto& [key, value] : environment.items()) {
      fmt::print("{:<24}{}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  });
}

}  // namespace samebits
