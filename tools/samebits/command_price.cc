// samebits price: what the same bits cost.
#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "benchmarks/price_list.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/stream.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"

namespace samebits {
namespace {

struct PriceOptions {
  std::string filter, from, against, device;
  int budget = 0;
  bool quick = false, json = false;
};

std::string IntervalOf(const Ratio& ratio) {
  return fmt::format("{:.2f}-{:.2f}", ratio.low, ratio.high);
}

std::string SpeedOf(const Price& p) {
  return p.flops > 0 ? fmt::format("{:.1f} GFLOP/s", p.Gflops())
                     : fmt::format("{:.1f} GB/s", p.Gbs());
}

std::string PeakOf(const Price& p) {
  return p.peak_fraction > 0 ? fmt::format("{:.0f}%", 100 * p.peak_fraction) : "-";
}

void PrintLibraries(const PriceList& list) {
  if (list.libraries.empty()) return;
  fmt::print("\nEach library alone: its time / time of ours\n\n{:<25}{:<38}{:<24}{:<10}{:>6}  {}\n",
             "operation", "case", "library", "claim", "ratio", "interval");
  for (const LibraryPrice& p : list.libraries) {
    fmt::print("{:<25}{:<38}{:<24}{:<10}{:>6.2f}  {}\n", p.operation,
               p.case_id.substr(0, p.case_id.rfind("_seed")), p.library, p.claim, p.ratio.value,
               IntervalOf(p.ratio));
  }
  fmt::print("\n");
}

void PrintTable(const PriceList& list) {
  fmt::print(
      "The price of the golden's bits: time of the fastest library / time of ours\n"
      "(above 1 ours is faster; interval of 95 %; bits verified before timing; {}: no library has\n"
      "the operation, so 85 % of the measured bandwidth stands for one)\n\n",
      kBandwidth);
  fmt::print("{:<25}{:<38}{:>7}  {:<14}{:<16}{:>6}  {:<11}{:>15}{:>6}  {}\n", "operation", "case",
             "threads", "kernel", "fastest", "ratio", "interval", "speed", "peak", "outcome");
  for (const Price& p : list.prices) {
    if (p.claim != kEverywhere) continue;
    fmt::print("{:<25}{:<38}{:>7}  {:<14}{:<16}{:>6.2f}  {:<11}{:>15}{:>6}  {}\n", p.operation,
               p.case_id.substr(0, p.case_id.rfind("_seed")), p.threads, p.kernel, p.fastest,
               p.ratio.value, IntervalOf(p.ratio), SpeedOf(p), PeakOf(p), p.outcome);
  }
  fmt::print("\n");
  for (const auto& [group, mean] : GeometricMeans(list)) {
    int rows = 0, slower = 0;
    for (const Price& p : list.prices) {
      if (p.group != group || p.claim != kEverywhere || !SaysSomething(list, p)) continue;
      ++rows;
      slower += p.outcome == "slower";
    }
    fmt::print("{:<12} geometric mean {:.2f}; slower in {} of {}\n", group, mean, slower, rows);
  }
  for (const Peak& peak : list.peaks) {
    fmt::print("peak on {} thread{}: {:.1f} GFLOP/s of fused multiply-adds, {:.1f} GB/s of triad\n",
               peak.threads, peak.threads == 1 ? "" : "s", peak.gflops, peak.gbs);
  }
  if (!WasQuiet(list)) {
    fmt::print(
        "NOT QUIET: threads waited for a processor for {:.0f} % of their time: nothing is "
        "concluded "
        "from prices on several threads\n",
        100 * list.waiting);
  }
  PrintLibraries(list);
  for (const std::string& line : list.absent) fmt::print("NOT COMPARED: {}\n", line);
  for (const Drift& d : list.drifts) {
    fmt::print(
        "{}'s own bits (recorded, not failed): of {} cells {} have the golden's bits, {} moved "
        "between runs, {} moved with threads\n",
        d.kernel, d.cells, d.golden, d.runs, d.threads);
  }
}

void PrintMoves(const std::vector<Move>& moves, const std::string& against) {
  int faster = 0, slower = 0;
  for (const Move& move : moves) {
    faster += move.outcome == "faster";
    slower += move.outcome == "slower";
    if (move.outcome == "inconclusive") continue;
    fmt::print("{:<7} {}/{} on {} threads, {}: {:.2f} ({}) -> {:.2f} ({})\n", move.outcome,
               move.now->operation, move.now->case_id, move.now->threads, move.now->claim,
               move.before->ratio.value, IntervalOf(move.before->ratio), move.now->ratio.value,
               IntervalOf(move.now->ratio));
  }
  fmt::print("against {}: {} prices in both, {} faster, {} slower, the others inconclusive\n",
             against, moves.size(), faster, slower);
}

PriceList Measure(const PriceSettings& settings) {
  return Prices(AllKernels(), settings,
                [](const std::string& line) { fmt::print(stderr, "pricing {}\n", line); });
}

// The rounds of one run share where memory lies and what else fills the caches, and their interval
// does not show it: what seems to have moved is taken again, and its interval spans all.
void TakeAgain(const PriceList& before, PriceSettings settings, PriceList& list) {
  constexpr int kTimes = 2;
  settings.batches = false;
  for (int turn = 0; turn < kTimes; ++turn) {
    std::set<std::string> moved;
    for (const Move& move : MovesOf(before, list)) {
      if (move.outcome == "inconclusive") continue;
      moved.insert(fmt::format("{}/{}", move.now->operation, move.now->case_id));
    }
    for (const std::string& name : moved) {
      settings.filter = name;
      const PriceList again = Measure(settings);
      for (const Move& pair : MovesOf(again, list)) {  // the same rows of both
        Price& price = list.prices[static_cast<std::size_t>(pair.now - list.prices.data())];
        price.ratio.low = std::min(price.ratio.low, pair.before->ratio.low);
        price.ratio.high = std::max(price.ratio.high, pair.before->ratio.high);
      }
    }
  }
  Conclude(list);
}

int RunPrice(const PriceOptions& options) {
  // First of all: a list that cannot be read is known before minutes of timing.
  std::optional<PriceList> before;
  if (!options.against.empty()) before = ReadPrices(options.against);
  PriceSettings settings = PriceSettings::Of(options.quick);
  settings.filter = options.filter;
  settings.budget = options.budget;
  settings.batches &= options.filter.empty();
  if (!options.device.empty()) {
    settings = settings.On(options.device == kCuda.name ? kCuda : kCudaEmulated);
    if (const std::string why = settings.device->unavailable(); !why.empty()) {
      throw UnavailableError(fmt::format("{}: {}", options.device, why));
    }
  }
  PriceList list = options.from.empty() ? Measure(settings) : ReadPrices(options.from);
  if (before && options.from.empty()) TakeAgain(*before, settings, list);
  const std::vector<Move> moves = before ? MovesOf(*before, list) : std::vector<Move>();
  if (before && moves.empty()) {
    throw UserError(fmt::format("{}: has no price of this list", options.against));
  }
  bool any_slower = false;
  for (const Move& move : moves) any_slower |= move.outcome == "slower";
  if (options.json) {
    nlohmann::ordered_json json = JsonOf(list);
    json["environment"] = Environment();
    if (before) {
      json["against"] = nlohmann::ordered_json::array();
      for (const Move& m : moves) {
        json["against"].push_back({{"operation", m.now->operation},
                                   {"case", m.now->case_id},
                                   {"threads", m.now->threads},
                                   {"claim", m.now->claim},
                                   {"before", m.before->ratio.value},
                                   {"now", m.now->ratio.value},
                                   {"outcome", m.outcome}});
      }
    }
    fmt::print("{}\n", json.dump());
  } else if (before) {
    PrintMoves(moves, options.against);
  } else {
    PrintTable(list);
  }
  for (const std::string& line : list.wrong) fmt::print(stderr, "NOT TIMED: {}\n", line);
  return any_slower || !list.wrong.empty() ? kExitBitsDiffer : kExitHolds;
}

}  // namespace

void AddPrice(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PriceOptions>();
  CLI::App* command = app.add_subcommand(
      "price", "Price the golden's bits against the fastest libraries, after verifying them");
  command->add_option("--filter", options->filter,
                      "Only cases like this, as 'conv2d_*' or '*/n64c10*'");
  command
      ->add_option("--device", options->device,
                   "Where kernels run, on tensors that stay there; default: the processor")
      ->check(CLI::IsMember({std::string(kCuda.name), std::string(kCudaEmulated.name)}));
  command->add_flag("--quick", options->quick, "Two minutes: short cases, short rounds");
  AddNumber(*command, "--budget", options->budget, 1, 86'400,
            "Begin no case after so many seconds, and say how many were left out");
  command->add_option("--against", options->against,
                      "Compare with a list that --json printed: which prices moved beyond their "
                      "intervals; exit code 1 when one is slower");
  command->add_option("--from", options->from, "Time nothing: read what --json printed");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = RunPrice(*options); });
}

}  // namespace samebits
