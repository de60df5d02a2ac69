// samebits repeat: the same training again and again. With a seed all runs have the same bits;
// without one, statistics say how far the seed alone moves the result.
#include <unistd.h>

#include <bit>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/run_files.h"
#include "tools/samebits/statistics.h"
#include "tools/samebits/train_options.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

struct RepeatOptions : TrainOptions {
  int runs = 10;
  std::int64_t seed = -1;  // below 0: another one for each run
  bool each_source = false, json = false;
};

struct TrainedRun {
  std::int64_t seed;
  std::string data, weights;
  std::vector<StepRecord> steps;
  std::map<std::string, double> metrics;  // the last of each key
};

// The last value of each key of the history; of a run without a whole epoch the last step's loss.
std::map<std::string, double> LastOf(const TrainResult& result) {
  std::map<std::string, double> last;
  const Json history = JsonOf(result.history);
  for (const auto& [key, list] : history.items()) {
    if (!list.empty()) last[key] = list.back();
  }
  if (last.empty() && !result.steps.empty()) last["loss"] = result.steps.back().loss;
  return last;
}

// `freed`, if any, takes another seed in each run.
std::vector<TrainedRun> RunAll(RepeatOptions options, const NamedSource* freed = nullptr) {
  const Recipe& recipe = FindRecipe(options.recipe);
  Team team(options.threads);
  std::vector<TrainedRun> runs;
  std::optional<NamedData> named;
  for (int i = 1; i <= options.runs; ++i) {
    const std::int64_t seed = options.seed < 0 ? RandomSeed() : options.seed;
    options.settings.seeds = GlobalSeeds::All(seed);
    if (freed != nullptr) options.settings.freed = {{freed->source, RandomSeed()}};
    if (!named || recipe.make != nullptr) named = LoadData(options);  // some make it from the seed
    const KernelSet kernels(options.isa, options.determinism);        // each run chooses for itself
    const TrainResult result = Train(recipe, options.settings, named->samples, kernels, team);
    runs.push_back({seed, named->name, result.weights_digest, result.steps, LastOf(result)});
    fmt::print(stderr, "run {} of {}: seed {} weights {}", i, options.runs, seed,
               result.weights_digest.substr(0, 12));
    for (const auto& [key, value] : runs.back().metrics) {
      fmt::print(stderr, " {} {:.4f}", key, value);
    }
    fmt::print(stderr, "\n");
  }
  return runs;
}

std::vector<double> ValuesOf(const std::vector<TrainedRun>& runs, const std::string& key) {
  std::vector<double> values;
  for (const TrainedRun& run : runs) values.push_back(run.metrics.at(key));
  return values;
}

std::size_t DistinctWeights(const std::vector<TrainedRun>& runs) {
  std::set<std::string> weights;
  for (const TrainedRun& run : runs) weights.insert(run.weights);
  return weights.size();
}

constexpr std::size_t kEnough = 30;  // for an interval of the mean

Json JsonOf(const Statistics& s, std::size_t count) {
  Json json = {{"mean", s.mean},
               {"standard_deviation", s.deviation},
               {"standard_error", s.standard_error},
               {"min", s.min},
               {"first_quartile", s.first_quartile},
               {"median", s.median},
               {"third_quartile", s.third_quartile},
               {"max", s.max}};
  if (count >= kEnough) json["confidence_interval"] = {s.low, s.high};
  return json;
}

Json JsonOf(const std::vector<TrainedRun>& runs, bool same_seed) {
  Json list = Json::array(), statistics = Json::object();
  for (const TrainedRun& run : runs) {
    list.push_back({{"seed", run.seed}, {"weights", run.weights}, {"metrics", run.metrics}});
  }
  for (const auto& [key, value] : runs[0].metrics) {
    statistics[key] = JsonOf(StatisticsOf(ValuesOf(runs, key)), runs.size());
  }
  return {{"runs", list},
          {"seeded", same_seed},
          {"distinct", DistinctWeights(runs)},
          {"statistics", statistics}};
}

// min |---[ quartile | median | quartile ]---| max, over so many columns.
std::string BoxPlot(const Statistics& s) {
  constexpr int kColumns = 60;
  if (s.max <= s.min) return "[|]";
  const auto column = [&](double value) {
    return static_cast<std::size_t>((value - s.min) / (s.max - s.min) * (kColumns - 1));
  };
  std::string plot(kColumns, '-');
  for (std::size_t i = column(s.first_quartile); i <= column(s.third_quartile); ++i) plot[i] = '=';
  plot[column(s.first_quartile)] = '[';
  plot[column(s.third_quartile)] = ']';
  plot.front() = plot.back() = '|';
  plot[column(s.median)] = '#';
  return plot;
}

void Print(const std::vector<TrainedRun>& runs, bool same_seed) {
  fmt::print("{} runs {}: {}\n", runs.size(),
             same_seed ? fmt::format("with seed {}", runs[0].seed) : "with seeds of their own",
             DistinctWeights(runs) == 1
                 ? "the same bits"
                 : fmt::format("{} different results", DistinctWeights(runs)));
  if (same_seed) return;
  for (const auto& [key, value] : runs[0].metrics) {
    const Statistics s = StatisticsOf(ValuesOf(runs, key));
    fmt::print("\n{}: mean {:.4f}, standard deviation {:.4f}, standard error {:.4f}", key, s.mean,
               s.deviation, s.standard_error);
    if (runs.size() >= kEnough) fmt::print(", 95 % interval {:.4f} to {:.4f}", s.low, s.high);
    fmt::print("\n  {:.4f} {} {:.4f}\n  median {:.4f}, quartiles {:.4f} and {:.4f}\n", s.min,
               BoxPlot(s), s.max, s.median, s.first_quartile, s.third_quartile);
  }
}

// What freeing one source does: to the bits, and to the result.
struct FreedSource {
  std::string_view name;    // "none": all follow the seed
  std::size_t distinct;     // results
  std::int64_t first_step;  // whose loss or weights differ between two runs; 0: none
  std::vector<TrainedRun> runs;
};

std::int64_t FirstStepApart(const std::vector<TrainedRun>& runs) {
  const std::vector<StepRecord>& first = runs[0].steps;
  for (std::size_t step = 0; step < first.size(); ++step) {
    for (const TrainedRun& run : runs) {
      const StepRecord& other = run.steps[step];
      const bool same_loss = std::bit_cast<std::uint32_t>(first[step].loss) ==
                             std::bit_cast<std::uint32_t>(other.loss);
      if (!same_loss || first[step].weights != other.weights) return first[step].step;
    }
  }
  return 0;
}

std::vector<FreedSource> FreeEach(RepeatOptions options) {
  options.settings.freed.clear();
  std::vector<FreedSource> table;
  const auto add = [&](std::string_view name, const NamedSource* freed) {
    fmt::print(stderr, "free: {}\n", name);
    std::vector<TrainedRun> runs = RunAll(options, freed);
    const std::size_t distinct = DistinctWeights(runs);
    const std::int64_t first_step = FirstStepApart(runs);
    table.push_back({name, distinct, first_step, std::move(runs)});
  };
  add("none", nullptr);
  for (const NamedSource& known : AllSources()) add(known.name, &known);
  return table;
}

void Print(const std::vector<FreedSource>& table) {
  fmt::print("{:<16}{:>8}{:>12}", "free", "results", "first step");
  for (const auto& [key, value] : table[0].runs[0].metrics) fmt::print("  {:<19}", key);
  fmt::print("\n");
  for (const FreedSource& row : table) {
    fmt::print("{:<16}{:>8}{:>12}", row.name, row.distinct,
               row.first_step == 0 ? "-" : std::to_string(row.first_step));
    for (const auto& [key, value] : row.runs[0].metrics) {
      const Statistics s = StatisticsOf(ValuesOf(row.runs, key));
      fmt::print("  {:<19}", fmt::format("{:.4f} sd {:.4f}", s.mean, s.deviation));
    }
    fmt::print("\n");
  }
  fmt::print(
      "\nresults: different weights at the end; first step: where two runs part; sd: standard "
      "deviation\n");
}

Json JsonOf(const std::vector<FreedSource>& table) {
  Json rows = Json::array();
  for (const FreedSource& row : table) {
    Json json = JsonOf(row.runs, true);
    json["free"] = row.name;
    json["first_step"] = row.first_step;
    rows.push_back(std::move(json));
  }
  return {{"sources", rows}};
}

int RunEachSource(const RepeatOptions& options) {
  const std::vector<FreedSource> table = FreeEach(options);
  if (options.json) {
    fmt::print("{}\n", JsonOf(table).dump());
  } else {
    Print(table);
  }
  return table[0].distinct == 1 ? kExitHolds : kExitBitsDiffer;
}

}  // namespace

void AddRepeat(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RepeatOptions>();
  CLI::App* command = app.add_subcommand(
      "repeat",
      "Train many times: with one seed all runs must have the same bits, without they may not");
  AddTrainOptions(*command, *options);
  AddNumber(*command, "--runs", options->runs, 2, 100000, "How many");
  command->add_option("--seed", options->seed, "Of every run; default: each takes one of its own")
      ->check(SeedRange());
  command->add_flag("--each-source", options->each_source,
                    "With one seed (default: 812), free one source of randomness after the other, "
                    "for so many runs each: a table of what each does");
  command->add_flag("--json", options->json, "One line of JSON: every run, and the statistics");
  command->callback([command, options, &exit_code] {
    TakeRecipesOptions(*command, *options);
    if (options->each_source) {
      if (options->seed < 0) options->seed = 812;
      exit_code = RunEachSource(*options);
      return;
    }
    const std::vector<TrainedRun> runs = RunAll(*options);
    const bool same_seed = options->seed >= 0;
    if (options->json) {
      Json json = {{"recipe", options->recipe},
                   {"stream", options->settings.stream->name},
                   {"data", runs[0].data}};
      json.update(JsonOf(runs, same_seed));
      fmt::print("{}\n", json.dump());
    } else {
      Print(runs, same_seed);
    }
    exit_code = same_seed && DistinctWeights(runs) > 1 ? kExitBitsDiffer : kExitHolds;
  });
}

}  // namespace samebits
