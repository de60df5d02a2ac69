#include "tools/samebits/train_options.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "model/train_op.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

struct NamedFiles {
  std::string name;
  std::filesystem::path directory;
};

// "dropout" or "dropout=17".
void Free(const std::string& text, std::map<Source, std::int64_t>& freed) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  std::vector<std::string_view> names;
  for (const NamedSource& known : AllSources()) {
    names.push_back(known.name);
    if (known.name != name) continue;
    const std::string seed = equals == text.npos ? "" : text.substr(equals + 1);
    if (equals != text.npos && !SeedRange()(seed).empty()) {
      throw UserError(
          fmt::format("--free {}: the seed is not a number from 0 to 4294967295", text));
    }
    freed[known.source] = equals == text.npos ? RandomSeed() : std::stoll(seed);
    return;
  }
  throw UserError(fmt::format("--free {}: there is no such source; there are: {}", name,
                              fmt::join(names, ", ")));
}

NamedFiles FilesOf(const std::string& data) {
  if (data == "builtin") return {"builtin", BuiltinDataDirectory()};
  if (!data.empty()) return {std::filesystem::path(data).filename().string(), data};
  const std::filesystem::path installed = InstalledFashionMnistDirectory();
  if (!std::filesystem::exists(installed)) {
    throw UserError(
        fmt::format("no data: {} is missing; install Debian's package "
                    "dataset-fashion-mnist, or give --data DIR or --data builtin",
                    installed.string()));
  }
  return {"fashion", installed};
}

Json DescribeFile(const ImageSet& set) {
  return {{"count", set.count},
          {"height", set.height},
          {"width", set.width},
          {"images_sha256", set.image_sha256},
          {"labels_sha256", set.label_sha256}};
}

TrainingData Limited(TrainingData data, int samples) {
  if (samples == 0) return data;
  return {FirstOf(std::move(data.train), samples),
          data.test == nullptr ? nullptr : FirstOf(std::move(data.test), samples)};
}

Json DescribeTable(const Samples& samples) {
  Json described = {{"count", samples.count()}};
  const std::vector<Tensor> tensors = samples.Tensors();
  const std::vector<const void*> bytes = samples.Bytes();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    described[std::string(tensors[i].name) + "_sha256"] =
        Sha256Hex({static_cast<const std::byte*>(bytes[i]), tensors[i].Bytes()});
  }
  return described;
}

}  // namespace

TrainOptions::TrainOptions()
    : threads(static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {}

void AddTrainOptions(CLI::App& command, TrainOptions& options) {
  TrainSettings& settings = options.settings;
  command
      .add_option("--recipe", options.recipe,
                  "The recipe: cnn, keras-page, mlp-sequence, mlp-binary, embedding or rnn")
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--stream", [&settings](const std::string& name) { settings.stream = &FindStream(name); },
          "Random stream of weights and dropout masks: keras-jax or keras-tensorflow; default: "
          "keras-jax")
      ->type_name("NAME");
  command
      .add_option_function<std::vector<std::string>>(
          "--free",
          [&settings](const std::vector<std::string>& sources) {
            for (const std::string& source : sources) Free(source, settings.freed);
          },
          "Let this source of randomness, or SOURCE=SEED, draw from another seed than the rest: "
          "initialisation, embedding, dropout, shuffle, order (of the samples within a batch)")
      ->delimiter(',')
      ->type_name("SOURCE");
  command
      .add_option_function<std::string>(
          "--precision",
          [&settings](const std::string& name) { settings.precision = FindPrecision(name); },
          "What is stored between operations: float32 (default), bfloat16 or float16; the "
          "arithmetic and Adam's weights are float32")
      ->type_name("FORMAT");
  command
      .add_option_function<std::string>(
          "--loss-scale",
          [&settings](const std::string& text) { settings.loss_scaling = ParseLossScaling(text); },
          "What gradients stored in float16 are multiplied by: a power of two (default: 1024), or "
          "dynamic, which skips a step whose gradients overflow and halves, and doubles again; "
          "dynamic:SCALE:INTERVAL (default: dynamic:65536:2000)")
      ->type_name("N|dynamic");
  command.add_option("--data", options.data,
                     "Directory of MNIST's four IDX files, plain or .gz, or 'builtin' "
                     "(2,048 + 512 images of Fashion-MNIST); default: the installed Fashion-MNIST");
  command
      .add_option("--limit-samples", options.limit_samples,
                  "Only so many samples of the training set, and of the test set")
      ->check(CLI::Range(1, 1 << 30));
  AddNumber(command, "--epochs", settings.epochs, 1, 100000, "Whole passes over the data");
  command
      .add_option("--steps", settings.steps,
                  "Overrides --epochs: starts as many epochs as it needs; one cut short is not "
                  "validated and not in the history")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24));
  AddNumber(command, "--batch", settings.batch, 1, 65536, "Samples in a batch");
  AddNumber(command, "--leaves", settings.leaves, 1, 4096,
            "Leaves that the sums over a batch are made of, a power of two; others give other bits")
      ->check([](const std::string& text) {
        return std::has_single_bit(std::stoul(text))
                   ? std::string()
                   : fmt::format("{} is not a power of two", text);
      });
  command
      .add_option_function<std::string>(
          "--ranks",
          [&options](const std::string& text) {
            options.ranks = text;
            if (EngineOf(options).empty()) options.settings.ranks = std::stoi(text);
          },
          "How many share each batch, as threads of this process; or mpi or nccl: this "
          "process is one of those that mpirun started; default: 1; no bit depends on them")
      ->check([](const std::string& text) {
        if (text == "mpi" || text == "nccl") return std::string();
        return CLI::Range(1, 4096)(text);
      })
      ->type_name("N|mpi|nccl");
  command
      .add_option_function<std::string>(
          "--map", [&settings](const std::string& name) { settings.mapping = FindMapping(name); },
          "Which leaves a rank holds: in-order (default), reversed or round-robin; no bit depends "
          "on it")
      ->type_name("ORDER");
  command
      .add_option(
          "--all-reduce", settings.all_reduce,
          "Reduce gradients by one of the ranks' own algorithms instead of the tree, to see "
          "whose bits are others: atomics of threads, mpi_default, mpi_4_ring, ... of MPI")
      ->type_name("NAME");
  AddNumber(command, "--accumulate", settings.accumulate, 1, 4096,
            "Turns of each rank, one after the other: gradients are accumulated; no bit depends on "
            "them");
  AddNumber(command, "--bucket", settings.bucket_bytes, std::int64_t{4}, std::int64_t{1} << 40,
            "Bytes of gradients that ranks reduce at a time, behind the rest of the step");
  command
      .add_option("--check-every", settings.check_every,
                  "Every so many steps ranks compute each other's share, and compare digests")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
  AddNumber(command, "--deadline", settings.deadline, 1, 86400,
            "Seconds without an answer after which a rank is taken for lost");
  AddNumber(command, "--threads", options.threads, 1, 1024,
            "Threads, of all ranks of this process; no bit depends on them");
  command
      .add_option("--isa", options.isa, "Kernels: auto, reference, portable, avx2, avx512 or neon")
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--backend",
          [&options](const std::string& name) {
            if (name == "cuda") options.isa = name;
          },
          "Where they run: cpu (default) or cuda, whatever --isa says")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  command
      .add_option_function<std::string>(
          "--determinism", [&options](const std::string& name) { SetDeterminism(name, options); },
          "What the bits must hold to: everywhere (default), machine, run or none. Below "
          "everywhere "
          "libraries that promise as much may take the place of our kernels")
      ->type_name("CLAIM");
}

void SetDeterminism(const std::string& name, TrainOptions& options) {
  constexpr Claim kClaims[] = {Claim::kNone, Claim::kRun, Claim::kMachine, Claim::kEverywhere};
  const auto* const known = std::ranges::find(kClaims, name, ClaimName);
  if (known == std::end(kClaims)) {
    throw UserError(
        fmt::format("--determinism {}: there is no such claim; there are: none, run, "
                    "machine, everywhere",
                    name));
  }
  options.determinism = *known;
}

std::string EngineOf(const TrainOptions& options) {
  return options.ranks == "mpi" || options.ranks == "nccl" ? options.ranks : "";
}

void TakeRecipesOptions(const CLI::App& command, TrainOptions& options) {
  const Recipe& recipe = FindRecipe(options.recipe);
  if (command.count("--batch") == 0) options.settings.batch = recipe.batch;
  if (command.count("--epochs") == 0) options.settings.epochs = recipe.epochs;
}

NamedData LoadData(const TrainOptions& options) {
  const Recipe& recipe = FindRecipe(options.recipe);
  if (recipe.make != nullptr) {
    if (!options.data.empty()) {
      throw UserError(fmt::format("--data: recipe {} makes its data from the seed", recipe.name));
    }
    return {"made", nullptr,
            Limited(MadeData(recipe, options.settings.seeds), options.limit_samples)};
  }
  const NamedFiles files = FilesOf(options.data);
  auto data = std::make_unique<Dataset>(LoadDataset(files.directory));
  TrainingData samples = ImageData(*data, recipe, options.settings);
  return {files.name, std::move(data), Limited(std::move(samples), options.limit_samples)};
}

Json NamedData::Describe() const {
  Json described = {{"name", name}};
  if (files != nullptr) {
    described["train"] = DescribeFile(files->train);
    described["test"] = DescribeFile(files->test);
  } else {
    described["train"] = DescribeTable(*samples.train);
    if (samples.test != nullptr) described["test"] = DescribeTable(*samples.test);
  }
  return described;
}

Json JsonOf(const std::map<Source, std::int64_t>& freed) {
  Json json = Json::object();
  for (const NamedSource& known : AllSources()) {
    const auto seed = freed.find(known.source);
    if (seed != freed.end()) json[std::string(known.name)] = seed->second;
  }
  return json;
}

CLI::Range SeedRange() { return {std::int64_t{0}, std::int64_t{4294967295}}; }

std::int64_t RandomSeed() { return std::random_device()(); }

}  // namespace samebits
