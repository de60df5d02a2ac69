// samebits train: the reproducible recipe.
#include <unistd.h>

#include <bit>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "conformance/bitstream.h"
#include "conformance/golden.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "model/train_op.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"
#include "tools/samebits/run_files.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct TrainOptions {
  std::string recipe = "cnn", data, isa = "auto", out;
  TrainSettings settings;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  bool json = false;
};

struct NamedData {
  std::string name;  // as in a case of train_cnn_v1, where there is one
  std::filesystem::path directory;
};

NamedData DataOf(const std::string& option) {
  if (option == "builtin") return {"builtin", BuiltinDataDirectory()};
  if (!option.empty()) return {std::filesystem::path(option).filename().string(), option};
  const std::filesystem::path installed = InstalledFashionMnistDirectory();
  if (!std::filesystem::exists(installed)) {
    throw UserError(
        fmt::format("no data: {} is missing; install Debian's package "
                    "dataset-fashion-mnist, or give --data DIR or --data builtin",
                    installed.string()));
  }
  return {"fashion", installed};
}

Json Describe(const ImageSet& set) {
  return {{"count", set.count},
          {"height", set.height},
          {"width", set.width},
          {"images_sha256", set.image_sha256},
          {"labels_sha256", set.label_sha256}};
}

// A line on standard error: rewritten on a terminal, else now and then a new one.
class Progress {
 public:
  explicit Progress(const TrainPlan& plan) : plan_(plan) {}

  void Step(const StepRecord& record) {
    const Clock::time_point now = Clock::now();
    const bool last = record.step == plan_.steps;
    if (!last &&
        now - shown_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10)))
      return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double each = seconds / static_cast<double>(record.step);
    fmt::print(stderr, "{}epoch {} step {}/{} loss {:.4f} {:.1f} ms/step ETA {:.0f} s{}",
               terminal_ ? "\r" : "", record.epoch, record.step, plan_.steps, record.loss,
               1e3 * each, each * static_cast<double>(plan_.steps - record.step),
               terminal_ ? "\033[K" : "\n");
    std::fflush(stderr);
    if (terminal_ && last) fmt::print(stderr, "\n");
  }

  void Epoch(const History& history) {
    fmt::print(stderr,
               "{}epoch {}: loss {:.4f} accuracy {:.4f} val_loss {:.4f} val_accuracy {:.4f}\n",
               terminal_ ? "\r\033[K" : "", history.loss.size(), history.loss.back(),
               history.accuracy.back(), history.val_loss.back(), history.val_accuracy.back());
  }

 private:
  const TrainPlan plan_;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_ - std::chrono::hours(1);
};

// Whether the run has the golden's bits: "match", "mismatch", or "none" when no golden is for it.
std::string AgainstGolden(const NamedData& named, const TrainOptions& options, const Dataset& data,
                          const TrainResult& result) {
  const GoldenFile goldens = GoldenFile::Read(GoldenDirectory(), kTrainCnn);
  const Golden* golden = goldens.Find(TrainCaseId(named.name, options.settings));
  if (golden == nullptr || !goldens.fault().empty()) return "none";
  Sha256 input;
  for (const auto* bytes :
       {&data.train.images, &data.train.labels, &data.test.images, &data.test.labels}) {
    input.Add(std::as_bytes(std::span(*bytes)));
  }
  if (input.Hex() != golden->input) return "none";
  const std::vector<std::uint8_t> steps = StepsOutput(result.steps);
  const std::vector<float> history = HistoryOutput(result.history);
  const Tensor tensors[] = {
      {"steps", DType::kUint8, {static_cast<std::int64_t>(steps.size())}},
      {"history", DType::kFloat32, {static_cast<std::int64_t>(history.size())}}};
  const void* const parts[] = {steps.data(), history.data()};
  return DigestOf(BitstreamOf(tensors, parts)) == golden->output ? "match" : "mismatch";
}

int RunTrain(const TrainOptions& options) {
  const Recipe& recipe = FindRecipe(options.recipe);
  const KernelSet kernels(options.isa);
  const NamedData named = DataOf(options.data);
  const Dataset data = LoadDataset(named.directory);
  if (!options.out.empty()) PrepareRunDirectory(options.out);

  Team team(options.threads);
  Progress progress(PlanOf(options.settings, data));
  const TrainResult result = Train(
      recipe, options.settings, data, kernels, team,
      [&](const StepRecord& step) { progress.Step(step); },
      [&](const History& history) { progress.Epoch(history); });
  const std::string golden = AgainstGolden(named, options, data, result);

  Json environment = Environment();
  environment["data"] = {
      {"name", named.name}, {"train", Describe(data.train)}, {"test", Describe(data.test)}};
  environment["settings"] = {{"recipe", recipe.name},           {"seed", options.settings.seed},
                             {"batch", options.settings.batch}, {"leaves", options.settings.leaves},
                             {"steps", result.steps.size()},    {"threads", options.threads},
                             {"isa", kernels.name()},           {"determinism", "everywhere"}};
  environment["golden"] = golden;
  if (!options.out.empty()) WriteRun(options.out, result, environment);

  const double steps = static_cast<double>(std::max<std::size_t>(1, result.steps.size()));
  const double ms = 1e3 * result.training_seconds / steps;
  if (options.json) {
    fmt::print("{}\n", Json{{"steps", result.steps.size()},
                            {"ms_per_step", ms},
                            {"weights", result.weights_digest},
                            {"history", JsonOf(result.history)},
                            {"golden", golden}}
                           .dump());
  } else {
    fmt::print("{} steps on {} with {} and {} threads, {:.2f} ms each\nweights {}\n",
               result.steps.size(), named.name, kernels.name(), options.threads, ms,
               result.weights_digest);
    if (golden != "none") fmt::print("golden: {}\n", golden);
    if (!options.out.empty()) fmt::print("written to {}\n", options.out);
  }
  return golden == "mismatch" ? kExitBitsDiffer : kExitHolds;
}

}  // namespace

void AddTrain(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  TrainSettings& settings = options->settings;
  CLI::App* command =
      app.add_subcommand("train", "Train a recipe: one seed, the same bits everywhere");
  command->add_option("--recipe", options->recipe, "The recipe: cnn")->capture_default_str();
  command->add_option(
      "--data", options->data,
      "Directory of MNIST's four IDX files, plain or .gz, or 'builtin' "
      "(2,048 + 512 images of Fashion-MNIST); default: the installed Fashion-MNIST");
  AddNumber<std::int64_t>(*command, "--seed", settings.seed, 0, 4294967295, "Seeds everything");
  AddNumber(*command, "--epochs", settings.epochs, 1, 100000, "Whole passes over the data");
  command
      ->add_option("--steps", settings.steps,
                   "Overrides --epochs: starts as many epochs as it needs; one cut short is not "
                   "validated and not in the history")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24));
  AddNumber(*command, "--batch", settings.batch, 1, 65536, "Images in a batch");
  AddNumber(*command, "--leaves", settings.leaves, 1, 4096,
            "Leaves that the sums over a batch are made of, a power of two; others give other bits")
      ->check([](const std::string& text) {
        return std::has_single_bit(std::stoul(text))
                   ? std::string()
                   : fmt::format("{} is not a power of two", text);
      });
  AddNumber(*command, "--threads", options->threads, 1, 1024, "Threads; no bit depends on them");
  command
      ->add_option("--isa", options->isa,
                   "Kernels: auto, reference, portable, avx2, avx512 or neon")
      ->capture_default_str();
  command->add_option("--out", options->out,
                      "New or empty directory for history.json, digests.jsonl, weights.npz and "
                      "environment.json");
  command->add_flag("--json", options->json, "Print one line of JSON on standard output");
  command->callback([options, &exit_code] { exit_code = RunTrain(*options); });
}

}  // namespace samebits
