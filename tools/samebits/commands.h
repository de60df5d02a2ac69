// The commands of `samebits`: one file each. A command adds itself to the application with its
// options, and sets the exit code when it runs.
#pragma once

#include <CLI/CLI.hpp>

namespace samebits {

void AddAccuracy(CLI::App& app, int& exit_code);
void AddAllReduce(CLI::App& app, int& exit_code);
void AddCheck(CLI::App& app, int& exit_code);
void AddInit(CLI::App& app, int& exit_code);
void AddTrain(CLI::App& app, int& exit_code);
void AddCompare(CLI::App& app, int& exit_code);
void AddEngines(CLI::App& app, int& exit_code);
void AddFuzz(CLI::App& app, int& exit_code);
void AddGolden(CLI::App& app, int& exit_code);
void AddExplain(CLI::App& app, int& exit_code);
void AddMatrix(CLI::App& app, int& exit_code);
void AddRepeat(CLI::App& app, int& exit_code);
void AddRepeatKernel(CLI::App& app, int& exit_code);
void AddReport(CLI::App& app, int& exit_code);
void AddPrice(CLI::App& app, int& exit_code);
void AddEnv(CLI::App& app, int& exit_code);

// A positive whole number from `low` to `high`, or one clear line.
template <class T>
CLI::Option* AddNumber(CLI::App& app, const std::string& name, T& value, T low, T high,
                       const std::string& help) {
  return app.add_option(name, value, help)->check(CLI::Range(low, high))->capture_default_str();
}

// --library: a cell's kernel may be in it.
inline CLI::Option* AddLibrary(CLI::App& app, std::string& library) {
  return app.add_option("--library", library, "A shared library that has the kernel");
}

}  // namespace samebits
