// samebits: the same bits, everywhere, and what they cost.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

int Main(int argc, char** argv) {
  CLI::App app{
      "samebits: the same bits from deep-learning kernels on every machine, proven and priced"};
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 holds, 1 bits differ, 2 usage or bad input, 3 this machine lacks something.");
  int exit_code = kExitHolds;
  AddInit(app, exit_code);
  AddTrain(app, exit_code);
  AddRepeat(app, exit_code);
  AddCompare(app, exit_code);
  AddGolden(app, exit_code);
  AddCheck(app, exit_code);
  AddFuzz(app, exit_code);
  AddExplain(app, exit_code);
  AddMatrix(app, exit_code);
  AddRepeatKernel(app, exit_code);
  AddPrice(app, exit_code);
  AddAllReduce(app, exit_code);
  AddAccuracy(app, exit_code);
  AddEngines(app, exit_code);
  AddReport(app, exit_code);
  AddEnv(app, exit_code);
  const auto complain = [](std::string message, int code) {
    // Whatever happened is told in one line.
    for (char& c : message) {
      if (c == '\n') c = ' ';
    }
    fmt::print(stderr, "samebits: {}\n", message);
    return code;
  };
  try {
    app.parse(argc, argv);
    if (std::fflush(stdout) != 0) {
      throw UserError(fmt::format("standard output: cannot be written: {}", std::strerror(errno)));
    }
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return complain(fmt::format("{} (see samebits --help)", error.what()), kExitUsage);

  } catch (const UserError& error) {
    return complain(error.what(), kExitUsage);
  } catch (const BitsDifferError& error) {
    return complain(error.what(), kExitBitsDiffer);
  } catch (const UnavailableError& error) {
    return complain(error.what(), kExitUnavailable);
  } catch (const std::bad_alloc&) {
    return complain("out of memory; try a smaller --batch or fewer --threads", kExitUsage);
  } catch (const std::exception& error) {
    return complain(error.what(), kExitUsage);
  }
}

}  // namespace
}  // namespace samebits

int main(int argc, char** argv) { return samebits::Main(argc, argv); }
