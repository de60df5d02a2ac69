// samebits train: the reproducible recipe.
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "benchmarks/all_reduce.h"
#include "conformance/bitstream.h"
#include "conformance/golden.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "model/checkpoint.h"
#include "model/step_price.h"
#include "model/train_op.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"
#include "tools/samebits/keras_page.h"
#include "tools/samebits/ranks.h"
#include "tools/samebits/run_files.h"
#include "tools/samebits/train_options.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

struct RunOptions : TrainOptions {
  std::string out, resume;
  std::optional<Checkpoint> from;  // of `resume`
  std::int64_t save_every = 0;
  bool json = false;
};

// Of this process so far, resident.
std::int64_t PeakMemoryBytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

// A line on standard error: rewritten on a terminal, else now and then a new one.
class Progress {
 public:
  // `done`: steps that were done before.
  Progress(const TrainPlan& plan, std::size_t done)
      : plan_(plan), done_(static_cast<std::int64_t>(done)) {}

  void Step(const StepRecord& record) {
    const SteadyClock::time_point now = SteadyClock::now();
    const bool last = record.step == plan_.steps;
    if (!last &&
        now - shown_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10)))
      return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double each = seconds / static_cast<double>(record.step - done_);
    fmt::print(stderr, "{}epoch {} step {}/{} loss {:.4f} {:.1f} ms/step ETA {:.0f} s{}",
               terminal_ ? "\r" : "", record.epoch, record.step, plan_.steps, record.loss,
               1e3 * each, each * static_cast<double>(plan_.steps - record.step),
               terminal_ ? "\033[K" : "\n");
    std::fflush(stderr);
    if (terminal_ && last) fmt::print(stderr, "\n");
  }

  void Epoch(const History& history) {
    const SteadyClock::time_point now = SteadyClock::now();
    const bool last = std::ssize(history.loss) * plan_.steps_per_epoch == plan_.steps;
    if (!last && now - epoch_shown_ < std::chrono::milliseconds(200)) return;
    epoch_shown_ = now;
    fmt::print(stderr, "{}epoch {}:", terminal_ ? "\r\033[K" : "", history.loss.size());
    const Json lists = JsonOf(history);
    for (const auto& [key, list] : lists.items()) {
      fmt::print(stderr, " {} {:.4f}", key, list.back().get<float>());
    }
    fmt::print(stderr, "\n");
  }

 private:
  const TrainPlan plan_;
  const std::int64_t done_;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  SteadyClock::time_point shown_ = begin_ - std::chrono::hours(1), epoch_shown_ = shown_;
};

// Whether the run has the golden's bits: "match", "mismatch", or "none" when no golden is for it.
std::string AgainstGolden(const NamedData& data, const RunOptions& options,
                          const KernelSet& kernels, const TrainResult& result) {
  if (kernels.WeakestUsed() < Claim::kEverywhere) return "none";
  const GlobalSeeds& seeds = options.settings.seeds;
  if (seeds != GlobalSeeds::All(seeds.backend) || !options.settings.freed.empty()) return "none";
  const GoldenFile goldens =
      GoldenFile::Read(GoldenDirectory(), TrainOp(FindRecipe(options.recipe)));
  const Golden* golden = goldens.Find(TrainCaseId(data.name, options.settings));
  if (golden == nullptr || !goldens.fault().empty()) return "none";
  Sha256 input;
  for (const Samples* samples : {data.samples.train.get(), data.samples.test.get()}) {
    if (samples == nullptr) continue;
    const std::vector<Tensor> tensors = samples->Tensors();
    const std::vector<const void*> bytes = samples->Bytes();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      input.Add({static_cast<const std::byte*>(bytes[i]), tensors[i].Bytes()});
    }
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

// Null where nothing is scaled.
Json LossScaleOf(const TrainSettings& settings) {
  if (settings.precision != Precision::kFloat16) return nullptr;
  return NameOf(settings.loss_scaling);
}

// What a run is: another value of any of these would be another run.
Json IdentityOf(const RunOptions& options, const NamedData& data) {
  const TrainSettings& settings = options.settings;
  return {{"operation", TrainOp(FindRecipe(options.recipe)).name},
          {"recipe", options.recipe},
          {"stream", settings.stream->name},
          {"precision", NameOf(settings.precision)},
          {"loss_scale", LossScaleOf(settings)},
          {"batch", settings.batch},
          {"leaves", settings.leaves},
          {"seeds",
           {{"python", settings.seeds.python},
            {"numpy", settings.seeds.numpy},
            {"backend", settings.seeds.backend}}},
          {"freed", JsonOf(settings.freed)},
          {"determinism", ClaimName(options.determinism)},
          {"all_reduce", settings.all_reduce.empty() ? kTree : settings.all_reduce},
          {"data", data.Describe()}};
}

// What the claim costs or gains, in turns with the kernels that promise the golden's bits.
Json JsonOf(const StepPrice& price) {
  return {{"ms_per_step", 1e3 * price.seconds},
          {"everywhere_ms_per_step", 1e3 * price.everywhere_seconds},
          {"ratio", price.ratio},
          {"turns", price.turns}};
}

constexpr char kCheckpoint[] = "checkpoint.npz";

// Throws UserError naming the first thing in which the run that is asked for is not the one that
// was saved.
void CheckIdentity(const std::filesystem::path& path, const Json& saved, const Json& asked) {
  const Json was = saved.flatten(), is = asked.flatten();
  for (const auto& [key, value] : is.items()) {
    if (was.contains(key) && was[key] == value) continue;
    throw UserError(fmt::format(
        "{}: its run has {} {}, not {}; resume it as it is, or start another", path.string(),
        key.substr(1), was.contains(key) ? was[key].dump() : "missing", value.dump()));
  }
}

std::filesystem::path CheckpointOf(const std::string& directory) {
  return std::filesystem::path(directory) / kCheckpoint;
}

// What a checkpoint says beside its state.
Json DescriptionOf(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  Json description = Json::parse(checkpoint.description, nullptr, false);
  if (!description.contains("identity") || !description.contains("options")) {
    throw UserError(fmt::format("{}: is no checkpoint: its description is broken", path.string()));
  }
  return description;
}

// Options that were not given are those of the run that is resumed.
void TakeSavedOptions(const CLI::App& command, RunOptions& options) {
  const std::filesystem::path path = CheckpointOf(options.resume);
  options.from = ReadCheckpoint(path);
  const Json description = DescriptionOf(*options.from, path);
  const Json &identity = description["identity"], &saved = description["options"];
  const auto take = [&](const char* option, const Json& value, auto& target) {
    if (command.count(option) == 0) value.get_to(target);
  };
  try {
    take("--recipe", identity.at("recipe"), options.recipe);
    if (command.count("--stream") == 0) {
      options.settings.stream = &FindStream(identity.at("stream").get<std::string>());
    }
    if (command.count("--precision") == 0) {
      options.settings.precision = FindPrecision(identity.at("precision").get<std::string>());
    }
    const Json& scale = identity.at("loss_scale");
    if (command.count("--loss-scale") == 0 && !scale.is_null()) {
      options.settings.loss_scaling = ParseLossScaling(scale.get<std::string>());
    }
    take("--batch", identity.at("batch"), options.settings.batch);
    if (command.count("--determinism") == 0) {
      SetDeterminism(identity.at("determinism"), options);
    }
    if (command.count("--all-reduce") == 0 && identity.at("all_reduce") != kTree) {
      identity.at("all_reduce").get_to(options.settings.all_reduce);
    }
    take("--leaves", identity.at("leaves"), options.settings.leaves);
    if (command.count("--seed") == 0) {
      const Json& seeds = identity.at("seeds");
      take("--python-seed", seeds.at("python"), options.settings.seeds.python);
      take("--numpy-seed", seeds.at("numpy"), options.settings.seeds.numpy);
      take("--backend-seed", seeds.at("backend"), options.settings.seeds.backend);
    }
    if (command.count("--free") == 0) {
      for (const NamedSource& known : AllSources()) {
        const auto seed = identity.at("freed").find(known.name);
        if (seed != identity.at("freed").end()) {
          options.settings.freed[known.source] = seed->get<std::int64_t>();
        }
      }
    }
    take("--data", saved.at("data"), options.data);
    take("--limit-samples", saved.at("limit_samples"), options.limit_samples);
    take("--save-every", saved.at("save_every"), options.save_every);
    if (command.count("--epochs") == 0) take("--steps", saved.at("steps"), options.settings.steps);
    take("--epochs", saved.at("epochs"), options.settings.epochs);
  } catch (const Json::exception& error) {
    throw UserError(fmt::format("{}: is no checkpoint: {}", path.string(), error.what()));
  }
  if (options.out.empty()) options.out = options.resume;
}

// All that a run needs before its first step.
struct Start {
  NamedData data;
  Json identity;
  TrainPlan plan;
  std::size_t done;  // steps
};

// `writes`: it is the one of the ranks that does, into a new directory.
Start Prepare(const RunOptions& options, int ranks, bool writes) {
  Start start{LoadData(options), {}, {}, options.from ? options.from->state.steps.size() : 0};
  start.identity = IdentityOf(options, start.data);
  if (options.from) {
    const std::filesystem::path path = CheckpointOf(options.resume);
    CheckIdentity(path, DescriptionOf(*options.from, path)["identity"], start.identity);
  }
  start.plan = PlanOf(options.settings, start.data.samples);
  if (std::cmp_greater(start.done, start.plan.steps)) {
    throw UserError(fmt::format("{}: has done {} steps already, which is more than {}",
                                CheckpointOf(options.resume).string(), start.done,
                                start.plan.steps));
  }
  const LeafMap map = LeavesBy(options.settings.mapping, ranks, options.settings.leaves);
  if (options.determinism < Claim::kEverywhere && (ranks > 1 || options.settings.accumulate > 1)) {
    throw UserError(fmt::format(
        "--determinism {}: ranks and accumulation need everywhere: a library's bits are those of "
        "its own batches",
        ClaimName(options.determinism)));
  }
  for (int rank = 0; rank < ranks; ++rank) {
    Division(map, rank, options.settings.leaves, options.settings.accumulate);
  }
  if (writes && !options.out.empty() && options.out != options.resume) {
    PrepareRunDirectory(options.out);
  }
  return start;
}

// What every rank must be started with, beside the program.
Json AgreementOf(const RunOptions& options, const Start& start) {
  return {{"run", start.identity},
          {"limit_samples", options.limit_samples},
          {"steps", start.plan.steps},
          {"resumed", options.from ? options.from->state.steps.back().weights : ""},
          {"done", start.done},
          {"save_every", options.save_every},
          {"check_every", options.settings.check_every},
          {"map", NameOf(options.settings.mapping)},
          {"bucket", options.settings.bucket_bytes}};
}

// Null where ranks are threads. All of them say the same, or the same error is thrown by all.
Start StartAlike(const RunOptions& options, RankGroup* group, bool writes) {
  if (group == nullptr) return Prepare(options, options.settings.ranks, writes);
  std::optional<Start> start;
  std::string error;
  int exit_code = kExitHolds;
  try {
    const std::string& all_reduce = options.settings.all_reduce;
    if (!all_reduce.empty()) CheckOwnAllReduce(all_reduce, &group->transport());
    start = Prepare(options, group->size(), writes && group->IsFirst());
  } catch (const UserError& fault) {
    error = fault.what(), exit_code = kExitUsage;
  } catch (const UnavailableError& fault) {
    error = fault.what(), exit_code = kExitUnavailable;
  }
  group->Agree(start ? AgreementOf(options, *start) : Json::object(), error, exit_code);
  return std::move(*start);
}

int RunTrain(RunOptions options, RankGroup* group) {
  const Recipe& recipe = FindRecipe(options.recipe);
  const KernelSet kernels(options.isa, options.determinism);
  const Fault fault = Fault::FromEnvironment();
  const bool page = recipe.name == kKerasPage;
  // The page's next start compares itself with the one before, and leaves that as it is.
  const bool again = page && options.resume.empty() && HasSavedHistory(options.out);
  const Start start = StartAlike(options, group, !again);
  const auto& [data, identity, plan, done] = start;
  const std::optional<Checkpoint>& from = options.from;
  if (options.threads == 0) options.threads = group->ThreadsOfARank();
  const PageStart page_start = page ? WalkPageStart(options.settings) : PageStart{};
  if (page && !options.json && (group == nullptr || group->IsFirst())) Print(page_start);

  Team team(options.threads);
  Progress progress(plan, done);
  TrainHooks hooks{.after_step = [&](const StepRecord& step) { progress.Step(step); },
                   .after_epoch = [&](const History& history) { progress.Epoch(history); },
                   .before_step =
                       [&](int rank, std::int64_t step, Network& network) {
                         if (group != nullptr) group->AtStep(step);
                         fault.Inject(rank, step, network);
                       }};
  if (options.save_every > 0) {
    hooks.save_every = options.save_every;
    const Json saved = {{"data", options.data},
                        {"limit_samples", options.limit_samples},
                        {"save_every", options.save_every},
                        {"steps", options.settings.steps},
                        {"epochs", options.settings.epochs}};
    hooks.save = [&, description = Json{{"identity", identity}, {"options", saved}}.dump()](
                     const TrainState& state) {
      WriteCheckpoint(CheckpointOf(options.out), {state, description});
    };
  }
  const TrainResult result =
      Train(recipe, options.settings, data.samples, kernels, team, hooks,
            from ? &from->state : nullptr, group == nullptr ? nullptr : &group->transport());
  if (group != nullptr && !group->IsFirst()) return kExitHolds;  // the first one tells
  const std::string golden = AgainstGolden(data, options, kernels, result);
  std::optional<StepPrice> price;
  if (options.determinism < Claim::kEverywhere) {
    price =
        PriceOfSteps(recipe, options.settings, data.samples, kernels, KernelSet(options.isa), team);
  }

  Json environment = Environment();
  environment["data"] = identity["data"];
  environment["settings"] = {{"recipe", recipe.name},
                             {"stream", identity["stream"]},
                             {"seed", options.settings.seeds.backend},
                             {"seeds", identity["seeds"]},
                             {"freed", identity["freed"]},
                             {"batch", options.settings.batch},
                             {"leaves", options.settings.leaves},
                             {"steps", result.steps.size()},
                             {"threads", options.threads},
                             {"ranks", group == nullptr ? options.settings.ranks : group->size()},
                             {"transport", group == nullptr ? "threads" : options.ranks},
                             {"map", NameOf(options.settings.mapping)},
                             {"all_reduce", identity["all_reduce"]},
                             {"isa", kernels.name()},
                             {"precision", identity["precision"]},
                             {"loss_scale", identity["loss_scale"]},
                             {"determinism", identity["determinism"]},
                             {"kernels", kernels.Used()}};
  if (price) environment["price_of_determinism"] = JsonOf(*price);
  environment["golden"] = golden;
  const bool scales = options.settings.loss_scaling.dynamic;
  const Json scaled = {{"scale", std::int64_t{1} << result.scale.exponent},
                       {"skipped_steps", result.skipped}};
  if (scales) environment["loss_scale"] = scaled;
  if (!options.out.empty() && !again) WriteRun(options.out, result, environment);
  std::string compared;
  const bool equal = !again || EqualsSavedHistory(result.history, options.out, compared);

  const std::size_t steps = std::max<std::size_t>(1, result.steps.size() - done);
  const double ms = 1e3 * result.training_seconds / static_cast<double>(steps);
  if (options.json) {
    Json json;
    json["steps"] = result.steps.size();
    json["ms_per_step"] = ms;
    json["peak_memory_bytes"] = PeakMemoryBytes();
    json["weights"] = result.weights_digest;
    json["history"] = JsonOf(result.history);
    json["golden"] = golden;
    if (price) {
      json["determinism"] = identity["determinism"];
      json["kernels"] = kernels.Used();
      json["price_of_determinism"] = JsonOf(*price);
    }
    if (scales) json["loss_scale"] = scaled;
    if (page) json["page"] = JsonOf(page_start);
    if (again) json["equals_saved"] = equal;
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{} steps on {} with {} and {} threads, {:.2f} ms each\nweights {}\n",
               result.steps.size(), data.name, kernels.name(), options.threads, ms,
               result.weights_digest);
    if (price) {
      fmt::print("determinism {}: {:.2f} ms a step, everywhere {:.2f}, in {} turns: {:.2f} times\n",
                 ClaimName(options.determinism), 1e3 * price->seconds,
                 1e3 * price->everywhere_seconds, price->turns, price->ratio);
    }
    if (scales) {
      fmt::print("loss scale {} at the end, {} steps skipped\n", scaled["scale"].dump(),
                 result.skipped);
    }
    if (page) PrintPageEnd(result.history, ms, data);
    if (golden != "none") fmt::print("golden: {}\n", golden);
    if (again) {
      fmt::print("{}\n", compared);
    } else if (!options.out.empty()) {
      fmt::print("written to {}\n", options.out);
    }
  }
  const bool holds = golden != "mismatch" && equal && (!page || page_start.Holds());
  return holds ? kExitHolds : kExitBitsDiffer;
}

// This process is one of several ranks: the first one tells what is true of all.
int RunRank(const RunOptions& options) {
  RankGroup group(EngineOf(options), options.settings.deadline);
  try {
    return RunTrain(options, &group);
  } catch (const RankLost& lost) {
    group.EndFor(lost);
  } catch (const BitsDifferError& error) {
    return group.Leave(error.what(), kExitBitsDiffer);
  } catch (const AgreedError& error) {
    return group.Leave(error.what(), error.exit_code());
  } catch (const std::exception& error) {
    group.EndFor(error.what(), kExitUsage);
  }
}

// A recipe without training: built, seeded again and built again.
int RunPredict(const RunOptions& options) {
  const Recipe& recipe = FindRecipe(options.recipe);
  const KernelSet kernels(options.isa, options.determinism);
  if (!options.out.empty() || !options.resume.empty()) {
    throw UserError(
        fmt::format("--out: recipe {} trains nothing that could be written", recipe.name));
  }
  Team team(options.threads);
  const float first = Predict(recipe, options.settings, kernels, team);
  const float second = Predict(recipe, options.settings, kernels, team);
  const bool same = std::bit_cast<std::uint32_t>(first) == std::bit_cast<std::uint32_t>(second);
  if (options.json) {
    fmt::print("{}\n", Json{{"predictions", {first, second}}, {"same", same}}.dump());
  } else {
    fmt::print("{} and, seeded and built again, {}: {}\n", first, second,
               same ? "the same bits" : "other bits");
  }
  return same ? kExitHolds : kExitBitsDiffer;
}

GlobalSeeds SeedsOf(const std::string& text) {
  if (text != "random") return GlobalSeeds::All(std::stoll(text));
  const std::int64_t seed = RandomSeed();
  fmt::print(stderr, "seed {}\n", seed);
  return GlobalSeeds::All(seed);
}

// Goes before --seed, wherever it stands.
void AddSeed(CLI::App& command, const char* name, std::int64_t& seed, const std::string& whose) {
  command.add_option(name, seed, "Another seed for " + whose)->check(SeedRange());
}

}  // namespace

void AddTrain(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  TrainSettings& settings = options->settings;
  CLI::App* command =
      app.add_subcommand("train", "Train a recipe: one seed, the same bits everywhere");
  AddTrainOptions(*command, *options);
  command
      ->add_option_function<std::string>(
          "--seed", [options](const std::string& text) { options->settings.seeds = SeedsOf(text); },
          "Seeds everything: a number, or 'random', which is told and recorded; default: 812")
      ->check([](const std::string& text) {
        return text == "random" ? std::string() : SeedRange()(text);
      });
  AddSeed(*command, "--python-seed", settings.seeds.python,
          "Python's generator: the layers' seeds, so weights and dropout");
  AddSeed(*command, "--numpy-seed", settings.seeds.numpy, "NumPy's: data that a recipe makes");
  AddSeed(*command, "--backend-seed", settings.seeds.backend, "the backend's: shuffles");
  command->add_option("--out", options->out,
                      "New or empty directory for history.json, digests.jsonl, weights.npz and "
                      "environment.json; that of an earlier keras-page: compares with its history");
  command->add_flag("--json", options->json, "Print one line of JSON on standard output");
  command
      ->add_option("--save-every", options->save_every,
                   "Save a checkpoint in --out after so many steps, at the start and at the end")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
  command->add_option("--resume", options->resume,
                      "Go on from this directory's checkpoint, with its options, into --out or "
                      "into itself; more --epochs or --steps may be asked for");
  command->callback([command, options, &exit_code] {
    if (options->resume.empty()) {
      TakeRecipesOptions(*command, *options);
    } else {
      TakeSavedOptions(*command, *options);
    }
    if (command->count("--loss-scale") > 0 && options->settings.precision != Precision::kFloat16) {
      throw UserError(
          "--loss-scale: gradients are scaled in float16 alone; give --precision float16");
    }
    if (options->save_every > 0 && options->out.empty()) {
      throw UserError("--save-every: give --out, where to save");
    }
    const std::string engine = EngineOf(*options);
    if (!engine.empty() && command->count("--threads") == 0) options->threads = 0;  // see RunTrain
    exit_code = FindRecipe(options->recipe).epochs == 0 ? RunPredict(*options)
                : engine.empty()                        ? RunTrain(*options, nullptr)
                                                        : RunRank(*options);
  });
}

}  // namespace samebits
