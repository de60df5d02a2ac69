#include "benchmarks/price_list.h"

#include <cmath>
#include <fstream>
#include <tuple>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const Price& p) {
  Json row = {
      {"group", p.group},      {"operation", p.operation}, {"case", p.case_id},
      {"threads", p.threads},  {"claim", p.claim},         {"kernel", p.kernel},
      {"fastest", p.fastest},  {"ratio", p.ratio.value},   {"low", p.ratio.low},
      {"high", p.ratio.high},  {"outcome", p.outcome},     {"seconds", p.seconds},
      {"flops", p.flops},      {"bytes", p.bytes},         {"peak_fraction", p.peak_fraction},
      {"verified", p.verified}};
  if (p.flops > 0) {
    row["gflops"] = p.Gflops();
  } else {
    row["gbs"] = p.Gbs();
  }
  return row;
}

Price PriceOf(const Json& row) {
  return {.group = row.at("group"),
          .operation = row.at("operation"),
          .case_id = row.at("case"),
          .threads = row.at("threads"),
          .claim = row.at("claim"),
          .kernel = row.at("kernel"),
          .fastest = row.at("fastest"),
          .ratio = {row.at("ratio"), row.at("low"), row.at("high")},
          .outcome = row.at("outcome"),
          .seconds = row.at("seconds"),
          .flops = row.at("flops"),
          .bytes = row.at("bytes"),
          .peak_fraction = row.at("peak_fraction"),
          .verified = row.at("verified")};
}

}  // namespace

std::map<std::string, double> GeometricMeans(const PriceList& list) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const Price& price : list.prices) {
    if (price.claim != kEverywhere || !SaysSomething(list, price)) continue;
    auto& [sum, count] = sums[price.group];
    sum += std::log(price.ratio.value);
    ++count;
  }
  std::map<std::string, double> means;
  for (const auto& [group, sum] : sums) means[group] = std::exp(sum.first / sum.second);
  return means;
}

Json JsonOf(const PriceList& list) {
  Json json = {{"rows", Json::array()},
               {"geomean", GeometricMeans(list)},
               {"batches", Json::array()},
               {"device", list.device},
               {"libraries", Json::array()},
               {"machine", Json::array()},
               {"drift", Json::array()},
               {"absent", list.absent},
               {"wrong", list.wrong},
               {"waiting", list.waiting},
               {"processor_seconds", list.processor_seconds},
               {"quiet", WasQuiet(list)},
               {"rounds", list.rounds.count},
               {"seconds_a_round", list.rounds.seconds}};
  for (const Price& price : list.prices) json["rows"].push_back(JsonOf(price));
  for (const BatchPrice& b : list.batches) {
    json["batches"].push_back({{"operation", b.operation},
                               {"case", b.case_id},
                               {"kernel", b.kernel},
                               {"batch", b.batch},
                               {"seconds_per_image", b.seconds_per_image},
                               {"ratio", b.to_smallest.value},
                               {"low", b.to_smallest.low},
                               {"high", b.to_smallest.high}});
  }
  for (const LibraryPrice& p : list.libraries) {
    json["libraries"].push_back({{"operation", p.operation},
                                 {"case", p.case_id},
                                 {"library", p.library},
                                 {"claim", p.claim},
                                 {"kernel", p.kernel},
                                 {"ratio", p.ratio.value},
                                 {"low", p.ratio.low},
                                 {"high", p.ratio.high},
                                 {"seconds", p.seconds}});
  }
  for (const Peak& peak : list.peaks) {
    json["machine"].push_back(
        {{"threads", peak.threads}, {"fma_gflops", peak.gflops}, {"triad_gbs", peak.gbs}});
  }
  for (const Drift& d : list.drifts) {
    json["drift"].push_back({{"kernel", d.kernel},
                             {"cells", d.cells},
                             {"golden", d.golden},
                             {"moved_between_runs", d.runs},
                             {"moved_with_threads", d.threads}});
  }
  return json;
}

PriceList ReadPrices(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw UserError(fmt::format("{}: cannot be read", file.string()));
  try {
    const Json json = Json::parse(stream);
    PriceList list;
    for (const Json& row : json.at("rows")) list.prices.push_back(PriceOf(row));
    for (const Json& b : json.at("batches")) {
      list.batches.push_back({b.at("operation"),
                              b.at("case"),
                              b.at("kernel"),
                              b.at("batch"),
                              b.at("seconds_per_image"),
                              {b.at("ratio"), b.at("low"), b.at("high")}});
    }
    list.device = json.value("device", "");  // lists before there were devices have neither
    for (const Json& p : json.value("libraries", Json::array())) {
      list.libraries.push_back({p.at("operation"),
                                p.at("case"),
                                p.at("library"),
                                p.at("claim"),
                                p.at("kernel"),
                                {p.at("ratio"), p.at("low"), p.at("high")},
                                p.at("seconds")});
    }
    for (const Json& peak : json.at("machine")) {
      list.peaks.push_back({peak.at("threads"), peak.at("fma_gflops"), peak.at("triad_gbs")});
    }
    for (const Json& d : json.at("drift")) {
      list.drifts.push_back({d.at("kernel"), d.at("cells"), d.at("golden"),
                             d.at("moved_between_runs"), d.at("moved_with_threads")});
    }
    list.absent = json.at("absent");
    list.wrong = json.at("wrong");
    list.waiting = json.at("waiting");
    list.processor_seconds = json.at("processor_seconds");
    list.rounds = {json.at("rounds"), json.at("seconds_a_round")};
    return list;
  } catch (const nlohmann::json::exception& error) {
    throw UserError(
        fmt::format("{}: not a list of samebits price --json: {}", file.string(), error.what()));
  }
}

std::vector<Move> MovesOf(const PriceList& before, const PriceList& now) {
  const auto key = [](const Price& p) {
    return std::tie(p.operation, p.case_id, p.threads, p.claim);
  };
  std::vector<Move> moves;
  for (const Price& price : now.prices) {
    for (const Price& old : before.prices) {
      if (key(old) != key(price)) continue;
      const bool says_something = SaysSomething(before, old) && SaysSomething(now, price);
      const bool faster = says_something && price.ratio.low > old.ratio.high;
      const bool slower = says_something && price.ratio.high < old.ratio.low;
      moves.push_back({&old, &price, faster ? "faster" : slower ? "slower" : "inconclusive"});
    }
  }
  return moves;
}

}  // namespace samebits
