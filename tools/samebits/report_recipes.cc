#include "tools/samebits/report_recipes.h"

#include <fstream>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

// A value's distance from the mean, in percent of it.
double Percent(double value, double mean) { return mean == 0 ? 0 : 100 * (value / mean - 1); }

// Telephones have no room for all columns of the list.
const char* ColumnOf(const std::string& key) {
  return key.starts_with("val_") ? "number optional" : "number";
}

}  // namespace

Json ReadRepeat(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw UserError(fmt::format("{}: cannot be read", file.string()));
  const Json json = Json::parse(stream, nullptr, false);
  try {
    for (const auto& [key, statistics] : json.at("statistics").items()) {
      for (const char* name : {"mean", "standard_deviation", "standard_error", "min",
                               "first_quartile", "median", "third_quartile", "max"}) {
        statistics.at(name).get<double>();
      }
      for (const Json& run : json.at("runs")) {
        run.at("metrics").at(key).get<double>();
        run.at("seed").get<std::int64_t>();
        run.at("weights").get<std::string>();
      }
    }
    json.at("recipe").get<std::string>();
    json.at("data").get<std::string>();
    json.at("distinct").get<int>();
    json.at("seeded").get<bool>();
    if (json.at("runs").size() < 2 || json.at("statistics").empty()) {
      throw UserError(fmt::format("{}: holds too few runs", file.string()));
    }
  } catch (const Json::exception& error) {
    throw UserError(
        fmt::format("{}: not what samebits repeat --json prints: {}", file.string(), error.what()));
  }
  return json;
}

Plot RepeatPlot(const Json& repeat) {
  Plot plot{.name = "repeat",
            .alt = "Box plots of repeated training: quartiles, median and extremes of each metric",
            .x_title = "percent from the mean",
            .y_title = ""};
  Series runs{.name = "runs", .ink = Ink::kFaint, .style = Series::Style::kRings, .points = {}};
  Series extremes{.name = "median, from the lowest to the highest",
                  .ink = Ink::kFirst,
                  .style = Series::Style::kDots,
                  .points = {},
                  .intervals = true};
  std::vector<Series> boxes;
  for (const auto& item : repeat.at("statistics").items()) {
    const Json& s = item.value();
    const auto y = static_cast<double>(plot.rows.size());
    plot.rows.push_back(item.key());
    const double mean = s.at("mean");
    const auto percent = [&](const char* name) { return Percent(s.at(name), mean); };
    extremes.points.push_back({percent("median"), y, percent("min"), percent("max")});
    const double left = percent("first_quartile"), right = percent("third_quartile");
    constexpr double kHalf = 0.3;
    boxes.push_back({.name = boxes.empty() ? "quartiles" : "",
                     .ink = Ink::kFirst,
                     .style = Series::Style::kLine,
                     .points = {{left, y - kHalf},
                                {right, y - kHalf},
                                {right, y + kHalf},
                                {left, y + kHalf},
                                {left, y - kHalf}}});
    for (const Json& run : repeat.at("runs")) {
      runs.points.push_back({Percent(run.at("metrics").at(item.key()), mean), y});
    }
  }
  plot.marks = {0};
  plot.series = {runs, extremes};
  plot.series.insert(plot.series.end(), boxes.begin(), boxes.end());
  return plot;
}

std::string RepeatSection(const Json& repeat, const std::string& figure) {
  const Json& runs = repeat.at("runs");
  std::string html = fmt::format(
      "<h2>How far the seed alone moves the result</h2>\n<p>Recipe {}, data {}: {} runs {}, "
      "{}.</p>\n",
      repeat.at("recipe").get<std::string>(), repeat.at("data").get<std::string>(), runs.size(),
      repeat.at("seeded").get<bool>() ? "with one seed" : "with seeds of their own",
      repeat.at("distinct") == 1
          ? "all with the same bits"
          : fmt::format("{} different results", repeat.at("distinct").get<int>()));
  html += figure;
  html +=
      "<table><thead><tr><th></th><th class=number>mean</th><th class=number>deviation</th><th "
      "class=\"number optional\">error</th><th class=\"number optional\">95 % interval</th><th "
      "class=\"number optional\">min</th><th class=number>median</th><th class=\"number optional\">"
      "max</th></tr></thead>"
      "<tbody>\n";
  for (const auto& item : repeat.at("statistics").items()) {
    const Json& s = item.value();
    const auto cell = [&](const char* name, const char* style = "number") {
      return fmt::format("<td class=\"{}\">{:.4f}</td>", style, s.at(name).get<double>());
    };
    const std::string interval =
        s.contains("confidence_interval")
            ? fmt::format("{:.4f}–{:.4f}", s["confidence_interval"][0].get<double>(),
                          s["confidence_interval"][1].get<double>())
            : "too few runs";
    html += fmt::format(
        "<tr><th>{}</th>{}{}{}<td class=\"number optional\">{}</td>{}{}{}</tr>\n", item.key(),
        cell("mean"), cell("standard_deviation"), cell("standard_error", "number optional"),
        interval, cell("min", "number optional"), cell("median"), cell("max", "number optional"));
  }
  html +=
      "</tbody></table>\n<details><summary>All runs</summary>\n<table><thead><tr><th>seed</th>"
      "<th class=optional>weights</th>";
  for (const auto& [key, s] : repeat.at("statistics").items()) {
    html += fmt::format("<th class=\"{}\">{}</th>", ColumnOf(key), key);
  }
  html += "</tr></thead><tbody>\n";
  for (const Json& run : runs) {
    html += fmt::format("<tr><td>{}</td><td class=optional><code>{}</code></td>",
                        run.at("seed").get<std::int64_t>(),
                        run.at("weights").get<std::string>().substr(0, 12));
    for (const auto& [key, s] : repeat.at("statistics").items()) {
      html += fmt::format("<td class=\"{}\">{:.4f}</td>", ColumnOf(key),
                          run.at("metrics").at(key).get<double>());
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n</details>\n";
}

std::string RepeatTable(const Json& repeat) {
  std::string csv = "seed,weights";
  for (const auto& [key, s] : repeat.at("statistics").items()) csv += "," + key;
  csv += '\n';
  for (const Json& run : repeat.at("runs")) {
    csv += fmt::format("{},{}", run.at("seed").get<std::int64_t>(),
                       run.at("weights").get<std::string>());
    for (const auto& [key, s] : repeat.at("statistics").items()) {
      csv += fmt::format(",{}", run.at("metrics").at(key).get<double>());
    }
    csv += '\n';
  }
  return csv;
}

}  // namespace samebits
