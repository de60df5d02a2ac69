// samebits price: what the same bits cost.
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "benchmarks/price.h"
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

std::map<std::string, double> GeometricMeans(const std::vector<Price>& prices) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const Price& price : prices) {
    auto& [sum, count] = sums[price.group];
    sum += std::log(price.ratio);
    ++count;
  }
  std::map<std::string, double> means;
  for (const auto& [group, sum] : sums) means[group] = std::exp(sum.first / sum.second);
  return means;
}

void PrintJson(const PriceList& list) {
  Json rows = Json::array();
  for (const Price& p : list.prices) {
    rows.push_back({{"group", p.group},
                    {"operation", p.operation},
                    {"case", p.case_id},
                    {"threads", p.threads},
                    {"claim", p.claim},
                    {"kernel", p.kernel},
                    {"fastest", p.fastest},
                    {"ratio", p.ratio},
                    {"low", p.low},
                    {"high", p.high},
                    {"outcome", p.outcome},
                    {"gflops", p.gflops},
                    {"verified", p.verified}});
  }
  Json drift = Json::array();
  for (const Drift& d : list.drifts) {
    drift.push_back({{"kernel", d.kernel},
                     {"cells", d.cells},
                     {"golden", d.golden},
                     {"moved_between_runs", d.runs},
                     {"moved_with_threads", d.threads}});
  }
  fmt::print("{}\n", Json{{"rows", rows},
                          {"geomean", GeometricMeans(list.prices)},
                          {"absent", list.absent},
                          {"drift", drift}}
                         .dump());
}

void PrintTable(const PriceList& list) {
  fmt::print(
      "The price of the golden's bits: time of the fastest library / time of ours\n"
      "(above 1 ours is faster; 95 % interval; bits verified before timing)\n\n");
  fmt::print("{:<14}{:<34}{:>8}  {:<10}{:<10}{:>6}  {:<14}{:>8}  {}\n", "operation", "case",
             "threads", "kernel", "fastest", "ratio", "interval", "GFLOP/s", "outcome");
  for (const Price& p : list.prices) {
    fmt::print("{:<14}{:<34}{:>8}  {:<10}{:<10}{:>6.2f}  {:<14}{:>8.1f}  {}\n", p.operation,
               p.case_id, p.threads, p.kernel, p.fastest, p.ratio,
               fmt::format("{:.2f}-{:.2f}", p.low, p.high), p.gflops, p.outcome);
  }
  fmt::print("\n");
  for (const auto& [group, mean] : GeometricMeans(list.prices)) {
    fmt::print("geometric mean of {}: {:.2f}\n", group, mean);
  }
  for (const std::string& line : list.absent) fmt::print("NOT COMPARED: {}\n", line);
  for (const Drift& d : list.drifts) {
    fmt::print(
        "{}'s own bits (recorded, not failed): of {} cells {} have the golden's bits, {} moved "
        "between runs, {} moved with threads\n",
        d.kernel, d.cells, d.golden, d.runs, d.threads);
  }
}

int RunPrice(bool json) {
  try {
    const PriceList list =
        Prices({}, [](const std::string& line) { fmt::print(stderr, "pricing {}\n", line); });
    json ? PrintJson(list) : PrintTable(list);
    return kExitHolds;
  } catch (const BitsError& error) {
    fmt::print(stderr, "samebits: not priced: {}\n", error.what());
    return kExitBitsDiffer;
  }
}

}  // namespace

void AddPrice(CLI::App& app, int& exit_code) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand(
      "price", "Price the golden's bits against the fastest libraries, after verifying them");
  command->add_flag("--json", *json, "One JSON object on standard output");
  command->callback([json, &exit_code] { exit_code = RunPrice(*json); });
}

}  // namespace samebits
