// samebits report: what was proven and what it costs, as a page for people and files for programs.
#include <algorithm>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "benchmarks/price_list.h"
#include "conformance/matrix.h"
#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "kernels/core/golden_folder.h"
#include "kernels/core/registry.h"
#include "model/train_op.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"
#include "tools/samebits/report_evidence.h"
#include "tools/samebits/report_page.h"
#include "tools/samebits/report_ranks.h"
#include "tools/samebits/report_recipes.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::string out = "report", prices, matrix, history, repeat, all_reduce;
  std::string evidence = (GoldenFolder() / "evidence").string();
  bool quick = false;
};

void Tell(const std::string& line) { fmt::print(stderr, "{}\n", line); }

// The environment that the prices were taken in: that of their file, where there is one.
nlohmann::ordered_json EnvironmentOf(const ReportOptions& options) {
  if (options.prices.empty()) return Environment();
  std::ifstream file(options.prices);
  return nlohmann::ordered_json::parse(file).value("environment", nlohmann::ordered_json::object());
}

PriceList PricesFor(const ReportOptions& options) {
  if (!options.prices.empty()) return ReadPrices(options.prices);
  return Prices(AllKernels(), PriceSettings::Of(options.quick),
                [](const std::string& line) { Tell("pricing " + line); });
}

Matrix MatrixFor(const ReportOptions& options) {
  if (options.matrix.empty()) return RunQuickPart("", Tell);
  std::ifstream lines(options.matrix);
  if (!lines) throw UserError(fmt::format("{}: cannot be read", options.matrix));
  Matrix matrix = ReadMatrix(lines, options.matrix, "");
  if (matrix.empty()) throw UserError(fmt::format("{}: holds no cell", options.matrix));
  return matrix;
}

// Two epochs on the images that come with the source.
RunCourse TrainAWhile() {
  const TrainSettings settings;
  Team team(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  const KernelSet kernels("auto");
  const Dataset data = LoadDataset(BuiltinDataDirectory());
  const TrainingData images = ImageData(data, CnnRecipe(), settings);
  const TrainResult result = Train(CnnRecipe(), settings, images, kernels, team);
  RunCourse course;
  for (const StepRecord& step : result.steps) course.losses.push_back(step.loss);
  course.val_losses = {result.history.val_loss.begin(), result.history.val_loss.end()};
  course.steps_per_epoch = PlanOf(settings, images).steps_per_epoch;
  course.title = fmt::format("builtin, batch {}, seed {}, kernels {}, {} threads", settings.batch,
                             settings.seeds.backend, kernels.name(), team.size());
  course.golden = "none";
  return course;
}

int RunReport(const ReportOptions& options) {
  const fs::path out = options.out;
  PrepareRunDirectory(out);
  // What is read comes before what takes minutes.
  RunCourse course;
  if (!options.history.empty()) course = ReadRun(options.history);
  nlohmann::ordered_json repeat;
  if (!options.repeat.empty()) repeat = ReadRepeat(options.repeat);
  nlohmann::ordered_json all_reduces;
  if (!options.all_reduce.empty()) all_reduces = ReadAllReduces(options.all_reduce);
  std::vector<Evidence> evidence = ReadEvidence(options.evidence);
  Matrix matrix;
  if (!options.matrix.empty()) matrix = MatrixFor(options);
  PriceList prices = PricesFor(options);
  if (options.matrix.empty()) matrix = MatrixFor(options);
  if (options.history.empty()) course = TrainAWhile();

  const bool short_list = prices.batches.empty();
  const std::string trained = options.history.empty() ? " --data builtin" : "";
  const ReportData data{
      .prices = std::move(prices),
      .matrix = matrix.Json(),
      .course = std::move(course),
      .environment = EnvironmentOf(options),
      .repeat = std::move(repeat),
      .all_reduces = std::move(all_reduces),
      .evidence = std::move(evidence),
      .price_command = fmt::format("samebits price{}", short_list ? " --quick" : ""),
      .matrix_command = options.matrix.empty()
                            ? "samebits matrix"
                            : "samebits_conformance --jsonl FILE; samebits matrix --from FILE",
      .train_command = fmt::format("samebits train{} --out DIR", trained)};
  const std::vector<Plot> plots = PlotsOf(data);
  const std::vector<DrawnPlot> drawn = Draw(plots, out);
  for (const auto& [name, text] : TablesOf(data)) WriteFileAtomically(out / name, text);
  nlohmann::ordered_json price_json = JsonOf(data.prices);
  price_json["environment"] = data.environment;
  WriteFileAtomically(out / "prices.json", price_json.dump(1) + "\n");
  if (!data.repeat.is_null()) WriteFileAtomically(out / "repeat.json", data.repeat.dump(1) + "\n");
  if (!data.all_reduces.is_null()) {
    WriteFileAtomically(out / "allreduce.json", data.all_reduces.dump(1) + "\n");
  }
  WriteFileAtomically(out / "matrix.json", data.matrix.dump(1) + "\n");
  WriteFileAtomically(out / "training.json",
                      nlohmann::ordered_json{{"title", data.course.title},
                                             {"golden", data.course.golden},
                                             {"loss", data.course.losses},
                                             {"val_loss", data.course.val_losses}}
                              .dump(1) +
                          "\n");
  WriteFileAtomically(out / "index.html", PageOf(data, plots, drawn));
  fmt::print("{}\n", (out / "index.html").string());
  return matrix.Failed() || !data.prices.wrong.empty() ? kExitBitsDiffer : kExitHolds;
}

}  // namespace

void AddReport(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand(
      "report", "Write what was proven and what it costs: a page, plots, tables as JSON and CSV");
  command->add_option("--out", options->out, "New or empty directory")->capture_default_str();
  command->add_flag("--quick", options->quick, "The short list of prices");
  command->add_option("--prices", options->prices, "Take the prices that price --json printed");
  command->add_option("--matrix", options->matrix,
                      "Take the cells that samebits_conformance --jsonl FILE wrote");
  command->add_option("--history", options->history,
                      "Take the training run that train --out wrote to this directory");
  command->add_option("--repeat", options->repeat,
                      "Also show the repeated training that repeat --json printed");
  command->add_option("--all-reduce", options->all_reduce,
                      "Also show the lines that all-reduce --json printed, one for each number of "
                      "ranks");
  command
      ->add_option("--evidence", options->evidence,
                   "Also show what tools/verify_gpu brought back from GPUs, a folder each in this")
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = RunReport(*options); });
}

}  // namespace samebits
