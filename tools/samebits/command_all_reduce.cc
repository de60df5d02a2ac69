// samebits all-reduce: what the order of the sums over ranks costs, and who keeps any.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "benchmarks/all_reduce.h"
#include "collectives/local.h"
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"
#include "tools/samebits/ranks.h"

namespace samebits {
namespace {

struct AllReduceOptions {
  std::string ranks = "2";
  int deadline = 20;
  ReduceSettings settings;
  bool quick = false, json = false;
};

// Of those that are not the tree.
const ReduceStep& Fastest(const std::vector<ReduceStep>& steps) {
  return *std::ranges::min_element(steps.begin() + 1, steps.end(), {},
                                   [](const ReduceStep& s) { return s.ratio.value; });
}

// What the tree costs over it, in percent of its step.
double OverheadOf(const ReduceStep& other) { return 100 * (1 / other.ratio.value - 1); }

nlohmann::ordered_json JsonOf(const ReduceList& list, const std::string& transport) {
  using Json = nlohmann::ordered_json;
  Json verdicts = Json::array(), rows = Json::array();
  for (const ReduceVerdict& v : list.verdicts) {
    verdicts.push_back({{"algorithm", v.algorithm},
                        {"runs", v.runs},
                        {"sizes", v.sizes},
                        {"fusing", v.fusing},
                        {"ranks", v.ranks}});
  }
  for (const ReducePrice& p : list.prices) {
    Json row = {{"bytes", p.bytes},
                {"algorithm", p.algorithm},
                {"seconds", p.seconds},
                {"ratio", p.ratio.value},
                {"interval", {p.ratio.low, p.ratio.high}}};
    if (p.algorithm == kTree) {
      row["messages"] = p.traffic.messages;
      row["bytes_sent"] = p.traffic.bytes;
      row["scratch_bytes"] = p.traffic.scratch_bytes;
      row["modelled_seconds"] = p.modelled;
    }
    rows.push_back(std::move(row));
  }
  Json json = {{"ranks", list.ranks},
               {"leaves", list.leaves},
               {"transport", transport},
               {"verdicts", verdicts},
               {"rows", rows}};
  if (!list.steps.empty()) {
    Json steps = Json::array();
    for (const ReduceStep& s : list.steps) {
      steps.push_back({{"all_reduce", s.algorithm},
                       {"ms_per_step", 1e3 * s.seconds},
                       {"ratio", s.ratio.value},
                       {"interval", {s.ratio.low, s.ratio.high}}});
    }
    json["training"] = {{"overhead_percent", OverheadOf(Fastest(list.steps))}, {"steps", steps}};
  }
  json["environment"] = Environment();
  return json;
}

std::string SizeOf(std::size_t bytes) {
  return bytes < (1 << 20) ? fmt::format("{} KiB", bytes >> 10)
                           : fmt::format("{} MiB", bytes >> 20);
}

void Print(const ReduceList& list, const std::string& transport) {
  const auto yes = [](bool same) { return same ? "same" : "DIFFER"; };
  fmt::print("{} ranks ({}), {} leaves. Bits of each algorithm\n\n{:<26}{:>8}{:>8}{:>8}{:>14}\n",
             list.ranks, transport, list.leaves, "", "run", "size", "fusing", "as one rank");
  for (const ReduceVerdict& v : list.verdicts) {
    fmt::print("{:<26}{:>8}{:>8}{:>8}{:>14}\n", v.algorithm, yes(v.runs), yes(v.sizes),
               yes(v.fusing), yes(v.ranks));
  }
  if (!list.steps.empty()) {
    const ReduceStep& fastest = Fastest(list.steps);
    fmt::print("\nA training step with each / with the tree\n\n");
    for (const ReduceStep& s : list.steps) {
      fmt::print("{:<26}{:>10.3f} ms{:>8.3f}  {:.3f}-{:.3f}\n", s.algorithm, 1e3 * s.seconds,
                 s.ratio.value, s.ratio.low, s.ratio.high);
    }
    fmt::print("the same bits over {}, the fastest: {:+.1f} %\n", fastest.algorithm,
               OverheadOf(fastest));
  }
  if (list.prices.empty()) return;
  fmt::print(
      "\nTime of each / time of the tree (above 1 the tree is faster; interval of 95 %)\n\n"
      "{:<10}{:<26}{:>10}{:>8}  {:<12}{}\n",
      "message", "algorithm", "ms", "ratio", "interval", "model");
  for (const ReducePrice& p : list.prices) {
    const std::string model =
        p.algorithm == kTree && list.ranks > 1 ? fmt::format("{:.3f} ms", 1e3 * p.modelled) : "";
    fmt::print("{:<10}{:<26}{:>10.3f}{:>8.2f}  {:<12}{}\n", SizeOf(p.bytes), p.algorithm,
               1e3 * p.seconds, p.ratio.value,
               fmt::format("{:.2f}-{:.2f}", p.ratio.low, p.ratio.high), model);
  }
}

// The tree's bits are promised: where they move, the command fails.
int Report(const ReduceList& list, const AllReduceOptions& options) {
  if (options.json) {
    fmt::print("{}\n", JsonOf(list, options.ranks).dump());
  } else {
    Print(list, options.ranks == "mpi" || options.ranks == "nccl" ? options.ranks : "threads");
  }
  return list.verdicts[0].repeats ? kExitHolds : kExitBitsDiffer;
}

int RunAllReduce(AllReduceOptions options) {
  if (options.quick) options.settings.rounds = 3, options.settings.most = std::size_t{4} << 20;
  const auto progress = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  if (options.ranks == "mpi" || options.ranks == "nccl") {
    RankGroup group(options.ranks, options.deadline);
    LeavesInOrder(group.size(), options.settings.leaves);
    const ReduceList list =
        PriceAllReduce(group.transport(), options.settings, [&](const std::string& line) {
          if (group.IsFirst()) progress(line);
        });
    return group.IsFirst() ? Report(list, options) : kExitHolds;
  }
  ReduceList list{};
  RunLocalRanks(
      std::stoi(options.ranks),
      [&](Transport& transport) {
        const bool first = transport.rank() == 0;
        const ReduceList own =
            PriceAllReduce(transport, options.settings, [&](const std::string& line) {
              if (first) progress(line);
            });
        if (first) list = own;
      },
      std::chrono::seconds(options.deadline));
  return Report(list, options);
}

}  // namespace

void AddAllReduce(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<AllReduceOptions>();
  ReduceSettings& settings = options->settings;
  CLI::App* command = app.add_subcommand(
      "all-reduce",
      "Price the all-reduce in the order of the leaves against the engine's own, and tell what "
      "moves their bits");
  command
      ->add_option("--ranks", options->ranks,
                   "Threads of this process; or mpi or nccl, where mpirun started it")
      ->check([](const std::string& text) {
        return text == "mpi" || text == "nccl" ? std::string() : CLI::Range(1, 4096)(text);
      })
      ->capture_default_str();
  AddNumber(*command, "--leaves", settings.leaves, std::int64_t{1}, std::int64_t{4096},
            "Leaves, a power of two");
  AddNumber(*command, "--from", settings.least, std::size_t{4}, std::size_t{1} << 30,
            "Bytes of the shortest message; each next one has four times as many");
  AddNumber(*command, "--to", settings.most, std::size_t{0}, std::size_t{1} << 30,
            "Bytes of the longest; 0: times nothing");
  AddNumber(*command, "--chunk", settings.collectives.chunk_bytes, std::size_t{4},
            std::size_t{1} << 30, "Bytes of each rank's block that are on their way at a time");
  AddNumber(*command, "--rounds", settings.rounds, 1, 1000, "Rounds of timing");
  AddNumber(*command, "--deadline", options->deadline, 1, 86400,
            "Seconds without an answer after which a rank is taken for lost");
  command->add_flag("--steps", settings.steps,
                    "Also time training steps whose gradients meet by each of them");
  command->add_flag("--quick", options->quick, "Messages up to 4 MiB, in three rounds");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = RunAllReduce(*options); });
}

}  // namespace samebits
