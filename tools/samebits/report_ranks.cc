#include "tools/samebits/report_ranks.h"

#include <algorithm>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "benchmarks/all_reduce.h"
#include "kernels/core/error.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

// The engine's own algorithm to compare with: its default, or what it has first.
std::string DefaultOf(const Json& record) {
  for (const Json& verdict : record.at("verdicts")) {
    const std::string name = verdict.at("algorithm");
    if (name != kTree && name != kGatherAndSum) return name;
  }
  return kGatherAndSum;
}

// Throws Json::exception where something is missing or of another type.
void CheckRecord(const Json& record) {
  record.at("ranks").get<int>();
  record.at("transport").get<std::string>();
  DefaultOf(record);
  for (const Json& row : record.at("rows")) {
    row.at("bytes").get<double>();
    row.at("seconds").get<double>();
    row.at("ratio").get<double>();
    row.at("interval").at(1).get<double>();
    if (row.at("algorithm").get<std::string>() == kTree) row.at("modelled_seconds").get<double>();
  }
}

std::string RanksName(const Json& record) {
  const int ranks = record.at("ranks");
  return ranks == 1 ? "1 rank" : fmt::format("{} ranks", ranks);
}

Series LineOf(const Json& record, std::size_t i) {
  return {.name = RanksName(record), .ink = LineInk(i), .style = LineStyle(i), .points = {}};
}

Plot RatioPlot(const Json& records) {
  Plot plot{.name = "allreduce",
            .alt = "All-reduce: time of the engine's own / time of the tree, over the message",
            .x_title = "KiB in a message",
            .y_title = "its own / tree"};
  plot.x_log = true;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string other = DefaultOf(records[i]);
    Series line = LineOf(records[i], i);
    for (const Json& row : records[i].at("rows")) {
      if (row.at("algorithm") != other) continue;
      line.points.push_back({row.at("bytes").get<double>() / 1024, row.at("ratio")});
    }
    if (!line.points.empty()) plot.series.push_back(std::move(line));
  }
  return plot;
}

// The model has its two prices from the shortest and the longest message: what lies between tells
// whether it is one.
Plot ModelPlot(const Json& records) {
  Plot plot{.name = "allreduce_model",
            .alt = "All-reduce in the tree's order: time and modelled time, over the message",
            .x_title = "KiB in a message",
            .y_title = "ms"};
  plot.x_log = plot.y_log = true;
  std::size_t ink = 0;
  for (const Json& record : records) {
    if (record.at("ranks") == 1) continue;  // sends nothing
    Series measured{.name = RanksName(record),
                    .ink = LineInk(ink),
                    .style = ink < kLineInks ? Series::Style::kDots : Series::Style::kRings,
                    .points = {}};
    Series modelled{.name = "", .ink = measured.ink, .style = Series::Style::kLine, .points = {}};
    for (const Json& row : record.at("rows")) {
      if (row.at("algorithm") != kTree) continue;
      const double kib = row.at("bytes").get<double>() / 1024;
      measured.points.push_back({kib, 1e3 * row.at("seconds").get<double>()});
      modelled.points.push_back({kib, 1e3 * row.at("modelled_seconds").get<double>()});
    }
    if (measured.points.empty()) continue;
    plot.series.push_back(std::move(measured));
    plot.series.push_back(std::move(modelled));
    ++ink;
  }
  return plot;
}

// Of the tree over the model: the largest factor either way.
double WorstOfModel(const Json& record) {
  double worst = 1;
  for (const Json& row : record.at("rows")) {
    if (row.at("algorithm") != kTree) continue;
    const double modelled = row.at("modelled_seconds");
    if (modelled <= 0) continue;
    const double factor = row.at("seconds").get<double>() / modelled;
    worst = std::max({worst, factor, 1 / factor});
  }
  return worst;
}

}  // namespace

Json ReadAllReduces(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw UserError(fmt::format("{}: cannot be read", file.string()));
  std::map<int, Json> by_ranks;
  try {
    for (std::string line; std::getline(stream, line);) {
      Json record = Json::parse(line);
      CheckRecord(record);
      const int ranks = record.at("ranks");
      if (!by_ranks.emplace(ranks, std::move(record)).second) {
        throw UserError(fmt::format("{}: has two lines of {} ranks", file.string(), ranks));
      }
    }
  } catch (const Json::exception& error) {
    throw UserError(fmt::format("{}: not lines of samebits all-reduce --json: {}", file.string(),
                                error.what()));
  }
  if (by_ranks.empty()) throw UserError(fmt::format("{}: holds no line", file.string()));
  Json records = Json::array();
  for (auto& [ranks, record] : by_ranks) records.push_back(std::move(record));
  return records;
}

std::vector<Plot> AllReducePlots(const Json& records) {
  return {RatioPlot(records), ModelPlot(records)};
}

std::string AllReduceSection(const Json& records, const std::string& ratios,
                             const std::string& model) {
  std::string html = fmt::format(
      "<h2>Sums over ranks</h2>\n<p class=note>Ranks: {}. Time of {} / time of the tree, whose "
      "bits "
      "are those of one rank: above 1 the tree is faster.</p>\n{}",
      records[0].at("transport") == "mpi" ? "processes, over MPI" : "of one process",
      DefaultOf(records[0]), ratios);
  html +=
      "<p class=note>Dots: the tree's time; lines: its cost by messages and bytes, priced by "
      "the shortest and the longest message.</p>\n" +
      model;
  html +=
      "<table><thead><tr><th>ranks</th><th>bits of its own algorithms</th><th class=number>"
      "model off by up to</th></tr></thead><tbody>\n";
  for (const Json& record : records) {
    int same = 0, all = 0;
    for (const Json& verdict : record.at("verdicts")) {
      const std::string name = verdict.at("algorithm");
      if (name == kTree || name == kGatherAndSum) continue;
      ++all;
      same += verdict.value("ranks", false);
    }
    html += fmt::format(
        "<tr><td>{}</td><td>{} of {} as one rank</td><td class=number>{:.1f}×</td></tr>\n",
        record.at("ranks").get<int>(), same, all, WorstOfModel(record));
  }
  return html + "</tbody></table>\n";
}

std::string AllReduceTable(const Json& records) {
  std::string csv = "ranks,transport,bytes,algorithm,seconds,ratio,low,high,modelled_seconds\n";
  for (const Json& record : records) {
    for (const Json& row : record.at("rows")) {
      const bool modelled = row.contains("modelled_seconds");
      csv +=
          fmt::format("{},{},{},{},{},{},{},{},{}\n", record.at("ranks").get<int>(),
                      record.at("transport").get<std::string>(),
                      row.at("bytes").get<std::int64_t>(), row.at("algorithm").get<std::string>(),
                      row.at("seconds").get<double>(), row.at("ratio").get<double>(),
                      row.at("interval")[0].get<double>(), row.at("interval")[1].get<double>(),
                      modelled ? fmt::format("{}", row["modelled_seconds"].get<double>()) : "");
    }
  }
  return csv;
}

}  // namespace samebits
