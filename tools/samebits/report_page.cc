#include "tools/samebits/report_page.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "benchmarks/price_list.h"
#include "conformance/plan.h"
#include "kernels/core/registry.h"
#include "tools/samebits/report_ranks.h"
#include "tools/samebits/report_recipes.h"

namespace samebits {
namespace {

// Prices beyond these are drawn at the edge.
constexpr double kLowestRatio = 0.05, kHighestRatio = 20;

std::string Short(const std::string& case_id) { return case_id.substr(0, case_id.rfind("_seed")); }

std::string Escaped(const std::string& text) {
  std::string html;
  for (const char c : text) {
    html += c == '<'   ? "&lt;"
            : c == '>' ? "&gt;"
            : c == '&' ? "&amp;"
            : c == '"' ? "&quot;"
                       : std::string(1, c);
  }
  return html;
}

std::string Thousands(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::ptrdiff_t at = std::ssize(text) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

// Three digits or so.
std::string RatioText(double ratio) {
  return fmt::format("{:.{}f}", ratio, ratio < 0.1 ? 3 : ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

std::string IntervalOf(const Ratio& ratio) {
  return RatioText(ratio.low) + "–" + RatioText(ratio.high);
}

std::string SpeedOf(const Price& p) {
  return p.flops > 0 ? fmt::format("{:.1f} GFLOP/s", p.Gflops())
                     : fmt::format("{:.1f} GB/s", p.Gbs());
}

std::vector<const Price*> PricesOf(const ReportData& data, const std::string& claim = kEverywhere) {
  std::vector<const Price*> prices;
  for (const Price& price : data.prices.prices) {
    if (price.claim == claim) prices.push_back(&price);
  }
  return prices;
}

template <class Key>  // string Key(const Price&)
std::vector<std::string> Distinct(const std::vector<const Price*>& prices, const Key& key) {
  std::vector<std::string> all;
  for (const Price* price : prices) {
    if (std::find(all.begin(), all.end(), key(*price)) == all.end()) all.push_back(key(*price));
  }
  return all;
}

std::vector<std::string> GroupsOf(const ReportData& data) {
  return Distinct(PricesOf(data), [](const Price& p) { return p.group; });
}

std::vector<int> ThreadsOf(const ReportData& data) {
  std::vector<int> threads;
  for (const Peak& peak : data.prices.peaks) threads.push_back(peak.threads);
  std::sort(threads.begin(), threads.end());
  return threads;
}

std::string ThreadsName(int threads) {
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

// Of the ratios of a group and claim on so many threads; 0 where none says something.
double GeometricMean(const ReportData& data, const std::string& group, const std::string& claim,
                     int threads) {
  double sum = 0;
  int count = 0;
  for (const Price* p : PricesOf(data, claim)) {
    if (p->group != group || p->threads != threads || !SaysSomething(data.prices, *p)) continue;
    sum += std::log(p->ratio.value);
    ++count;
  }
  return count == 0 ? 0 : std::exp(sum / count);
}

constexpr Ink kInks[] = {Ink::kFirst,  Ink::kSecond, Ink::kThird,
                         Ink::kFourth, Ink::kFifth,  Ink::kSixth};

Ink InkOf(std::size_t i) { return kInks[i % std::size(kInks)]; }

// Every price beside its operation, a line of its own for each case.
Plot PricePlot(const ReportData& data) {
  const auto prices = PricesOf(data);
  Plot plot{
      .name = "price",
      .alt =
          "Price of the golden's bits by operation: time of the fastest library over time of ours",
      .x_title = "fastest library / ours",
      .y_title = ""};
  plot.rows = Distinct(prices, [](const Price& p) { return p.operation; });
  plot.marks = {1};
  plot.x_log = true;
  double low = 0.4, high = 2.5;
  for (const Price* p : prices) {
    low = std::min(low, std::max(kLowestRatio, p->ratio.low) * 0.9);
    high = std::max(high, std::min(kHighestRatio, p->ratio.high) * 1.1);
  }
  plot.x_low = low, plot.x_high = high;
  const std::vector<int> threads = ThreadsOf(data);
  for (std::size_t t = 0; t < threads.size(); ++t) {
    Series series{ThreadsName(threads[t]), InkOf(t), Series::Style::kDots, {}, true};
    for (std::size_t row = 0; row < plot.rows.size(); ++row) {
      std::vector<const Price*> own;
      for (const Price* p : prices) {
        if (p->operation == plot.rows[row] && p->threads == threads[t]) own.push_back(p);
      }
      for (std::size_t i = 0; i < own.size(); ++i) {
        const auto clamped = [&](double x) { return std::clamp(x, low, high); };
        const double lane = (static_cast<double>(i) + 1) / (static_cast<double>(own.size()) + 1);
        const double y =
            static_cast<double>(row) - 0.42 +
            0.84 * (static_cast<double>(t) + lane) / static_cast<double>(threads.size());
        series.points.push_back({clamped(own[i]->ratio.value), y, clamped(own[i]->ratio.low),
                                 clamped(own[i]->ratio.high)});
      }
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

constexpr const char* kClaims[] = {"none", "run", "machine", kEverywhere};

Plot LadderPlot(const ReportData& data) {
  Plot plot{.name = "ladder",
            .alt = "Geometric mean of the prices of each claim, by group",
            .x_title = "what the kernel promises at least",
            .y_title = "fastest library / kernel"};
  plot.columns = {std::begin(kClaims), std::end(kClaims)};
  plot.x_low = -0.25, plot.x_high = 3.25;
  plot.y_log = false;
  const std::vector<std::string> groups = GroupsOf(data);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Series series{groups[g], InkOf(g), Series::Style::kLineDots, {}};
    for (std::size_t c = 0; c < std::size(kClaims); ++c) {
      const double mean = GeometricMean(data, groups[g], kClaims[c], 1);
      if (mean > 0) series.points.push_back({static_cast<double>(c), mean});
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

Plot RooflinePlot(const ReportData& data) {
  Plot plot{.name = "roofline",
            .alt = "Roofline: speed of the golden's kernels under the measured peaks",
            .x_title = "operations per byte moved at least",
            .y_title = "GFLOP/s"};
  plot.x_log = plot.y_log = true;
  double least = 1, most = 100, slowest = 10, fastest = 100;
  const auto prices = PricesOf(data);
  for (const Price* p : prices) {
    if (p->flops == 0) continue;
    least = std::min(least, p->flops / p->bytes), most = std::max(most, p->flops / p->bytes);
    slowest = std::min(slowest, p->Gflops()), fastest = std::max(fastest, p->Gflops());
  }
  plot.x_low = least / 2, plot.x_high = most * 2;
  for (const Peak& peak : data.prices.peaks) {
    const double knee = peak.gflops / peak.gbs;
    fastest = std::max(fastest, peak.gflops);
    plot.series.push_back(
        {fmt::format("peak, {}", ThreadsName(peak.threads)),
         Ink::kFaint,
         peak.threads == 1 ? Series::Style::kLine : Series::Style::kDashes,
         {{plot.x_low, plot.x_low * peak.gbs}, {knee, peak.gflops}, {plot.x_high, peak.gflops}}});
  }
  plot.y_low = slowest / 2, plot.y_high = fastest * 2;
  const std::vector<std::string> groups = GroupsOf(data);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const int threads : ThreadsOf(data)) {
      Series series{threads == 1 ? groups[g] : std::string(),
                    InkOf(g),
                    threads == 1 ? Series::Style::kDots : Series::Style::kRings,
                    {}};
      for (const Price* p : prices) {
        if (p->flops > 0 && p->group == groups[g] && p->threads == threads) {
          series.points.push_back({p->flops / p->bytes, p->Gflops()});
        }
      }
      if (!series.points.empty()) plot.series.push_back(std::move(series));
    }
  }
  return plot;
}

Plot TrainingPlot(const ReportData& data) {
  Plot plot{.name = "training",
            .alt = "Loss of every training step, and validation loss after every epoch",
            .x_title = "training step",
            .y_title = "loss"};
  Series steps{"loss of the batch", Ink::kFirst, Series::Style::kLine, {}};
  for (std::size_t i = 0; i < data.course.losses.size(); ++i) {
    steps.points.push_back({static_cast<double>(i + 1), data.course.losses[i]});
  }
  plot.series.push_back(std::move(steps));
  Series epochs{"validation loss", Ink::kSecond, Series::Style::kLineDots, {}};
  for (std::size_t i = 0; i < data.course.val_losses.size(); ++i) {
    epochs.points.push_back(
        {static_cast<double>((i + 1) * static_cast<std::size_t>(data.course.steps_per_epoch)),
         data.course.val_losses[i]});
  }
  if (!epochs.points.empty()) plot.series.push_back(std::move(epochs));
  return plot;
}

Plot BatchPlot(const ReportData& data) {
  Plot plot{.name = "batches",
            .alt = "Time per image at larger batches over that at the smallest",
            .x_title = "time per image, batch 64 = 1",
            .y_title = ""};
  plot.marks = {1, 1.1};
  std::vector<std::int64_t> batches;
  double high = 1.5, low = 0.5;
  for (const BatchPrice& b : data.prices.batches) {
    if (std::find(batches.begin(), batches.end(), b.batch) == batches.end())
      batches.push_back(b.batch);
    if (std::find(plot.rows.begin(), plot.rows.end(), b.operation) == plot.rows.end())
      plot.rows.push_back(b.operation);
    high = std::max(high, 1.05 * b.to_smallest.high), low = std::min(low, 0.95 * b.to_smallest.low);
  }
  plot.x_low = std::max(low, 0.1), plot.x_high = std::min(high, 10.0);
  for (std::size_t i = 1; i < batches.size(); ++i) {
    Series series{
        fmt::format("batch {}", batches[i]), InkOf(i - 1), Series::Style::kDots, {}, true};
    for (const BatchPrice& b : data.prices.batches) {
      if (b.batch != batches[i]) continue;
      const auto row =
          std::find(plot.rows.begin(), plot.rows.end(), b.operation) - plot.rows.begin();
      const auto clamped = [&](double x) { return std::clamp(x, plot.x_low, plot.x_high); };
      series.points.push_back(
          {clamped(b.to_smallest.value),
           static_cast<double>(row) - 0.45 + 0.3 * static_cast<double>(i) - 0.15,
           clamped(b.to_smallest.low), clamped(b.to_smallest.high)});
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

// ---- The matrix

struct Mark {
  const char *sign, *style, *meaning;
};
constexpr Mark kHolds{"✓", "good", "the golden's bits in every cell"},
    kSteady{"=", "plain", "bits of its own, that do not move on this axis"},
    kMoves{"≠", "bad", "bits of its own, that move on this axis"},
    kFails{"✗", "bad", "FAILED: bits were promised and differ"},
    kNotRun{"–", "faint", "did not run on this machine"},
    kNotAsked{"·", "faint", "not crossed with it"};

struct Count {
  int cells = 0, match = 0, failed = 0, moved = 0, unavailable = 0;

  void Add(const nlohmann::json& axis) {
    cells += axis.at("cells").get<int>();
    match += axis.at("match").get<int>();
    failed += axis.at("failed").get<int>();
    moved += axis.at("moved").get<int>();
    for (const auto& [reason, count] : axis.at("unavailable").items())
      unavailable += count.get<int>();
  }
  int Ran() const { return cells - unavailable; }
  const Mark& MarkOf() const {
    if (cells == 0) return kNotAsked;
    if (failed > 0) return kFails;
    if (Ran() == 0) return kNotRun;
    return moved > 0 ? kMoves : match == Ran() ? kHolds : kSteady;
  }
};

bool IsLibraryRow(const nlohmann::json& row) { return row.at("claim") != kEverywhere; }

Count CountOf(const ReportData& data, bool libraries,
              const std::function<bool(const nlohmann::json&)>& row_is = {},
              std::string_view axis = {}) {
  Count count;
  for (const auto& row : data.matrix.at("rows")) {
    if (IsLibraryRow(row) != libraries || (row_is && !row_is(row))) continue;
    for (const auto& [name, entry] : row.at("axes").items()) {
      if (axis.empty() || axis == name) count.Add(entry);
    }
  }
  return count;
}

std::string MatrixTable(const ReportData& data, bool libraries) {
  std::string head, body;
  for (const Axis& axis : AllAxes()) {
    head += fmt::format("<th class=axis><span>{}</span></th>", axis.name);
  }
  std::vector<std::pair<std::string, std::string>> lines;  // operation, kernel; ours together
  for (const auto& row : data.matrix.at("rows")) {
    if (IsLibraryRow(row) != libraries) continue;
    const std::pair<std::string, std::string> line = {
        row.at("operation"), libraries ? row.at("kernel").get<std::string>() : ""};
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  for (const auto& line : lines) {
    const std::string &operation = line.first, &kernel = line.second;
    body += fmt::format("<tr><th>{}{}</th>", operation,
                        kernel.empty() ? "" : " <span class=faint>" + kernel + "</span>");
    for (const Axis& axis : AllAxes()) {
      const Count count = CountOf(
          data, libraries,
          [&](const nlohmann::json& row) {
            return row.at("operation") == operation &&
                   (kernel.empty() || row.at("kernel") == kernel);
          },
          axis.name);
      const Mark& mark = count.MarkOf();
      body +=
          fmt::format("<td class={} title=\"{}: {} of {} cells have the golden's bits\">{}</td>",
                      mark.style, axis.name, count.match, count.Ran(), mark.sign);
    }
    body += "</tr>\n";
  }
  return fmt::format(
      "<table class=matrix><thead><tr><th>{}</th>{}</tr></thead><tbody>\n{}</tbody></table>",
      libraries ? "operation, library" : "operation", head, body);
}

// ---- The page

std::string Headline(const ReportData& data) {
  const Count ours = CountOf(data, false);
  const auto prices = PricesOf(data);
  const auto count = [&](std::string_view outcome) {
    return std::count_if(prices.begin(), prices.end(),
                         [&](const Price* p) { return p->outcome == outcome; });
  };
  const std::string bits =
      ours.Ran() == 0 ? std::string("<b class=bad>No cell of ours was run.</b>")
      : ours.failed > 0
          ? fmt::format("<b class=bad>Bits differ in {} of {} cells.</b>", Thousands(ours.failed),
                        Thousands(ours.Ran()))
          : fmt::format("<b class=good>The same bits in all {} cells.</b>", Thousands(ours.Ran()));
  const auto slower = count("slower");
  std::string cost =
      fmt::format(" Of {} prices {} are faster than the fastest library, {} level with it, ",
                  prices.size(), count("faster"), count("inconclusive"));
  cost += slower == 0 ? "<b class=good>none slower</b>."
                      : fmt::format("<b class=bad>{} slower</b>.", slower);
  return "<p class=headline>" + bits + cost + "</p>";
}

std::string Tiles(const ReportData& data) {
  std::string tiles;
  for (const std::string& group : GroupsOf(data)) {
    std::string lines;
    for (const int threads : ThreadsOf(data)) {
      const double mean = GeometricMean(data, group, kEverywhere, threads);
      if (mean == 0) continue;
      int slower = 0, all = 0;
      for (const Price* p : PricesOf(data)) {
        if (p->group != group || p->threads != threads) continue;
        ++all;
        slower += p->outcome == "slower";
      }
      lines += fmt::format("<div class=line><b class={}>{}×</b><span class=faint>{}{}</span></div>",
                           mean >= 0.995 ? "good" : "bad", RatioText(mean), ThreadsName(threads),
                           slower == 0 ? "" : fmt::format("; {} of {} slower", slower, all));
    }
    tiles += fmt::format("<div class=tile><h3>{}</h3>{}</div>\n", group, lines);
  }
  return "<div class=tiles>\n" + tiles + "</div>\n";
}

std::string PriceTable(const std::vector<const Price*>& prices) {
  std::string rows;
  for (const Price* p : prices) {
    const char* style = p->outcome == "faster" ? "good" : p->outcome == "slower" ? "bad" : "plain";
    rows += fmt::format(
        "<tr><td><code>{}</code> <code class=faint>{}</code></td><td class=number>{}</td><td "
        "class=optional>{}</td><td>{}</td><td class=\"number {}\"><b>{}</b><br><span "
        "class=faint>{}</span></td><td "
        "class=\"number optional\">{}<br><span class=faint>{:.0f} % of peak</span></td></tr>\n",
        p->operation, Short(p->case_id), p->threads, p->kernel, p->fastest, style,
        RatioText(p->ratio.value), IntervalOf(p->ratio), SpeedOf(*p), 100 * p->peak_fraction);
  }
  return "<table class=prices><thead><tr><th>operation, case</th><th class=number>threads</th><th "
         "class=optional>ours</th><th>against</th><th class=number>ratio</th><th class=\"number "
         "optional\">our speed</th></tr></thead><tbody>\n" +
         rows + "</tbody></table>\n";
}

std::string Losses(const ReportData& data) {
  std::vector<const Price*> slower;
  for (const Price* p : PricesOf(data)) {
    if (p->outcome == "slower") slower.push_back(p);
  }
  if (slower.empty()) return "<p>Nowhere: no price is below 1 with its whole interval.</p>\n";
  std::stable_sort(slower.begin(), slower.end(),
                   [](auto a, auto b) { return a->ratio.value < b->ratio.value; });
  constexpr std::size_t kShown = 10;
  const std::size_t all = slower.size();
  slower.resize(std::min(kShown, all));
  return fmt::format("<p>In {} of {} prices; the {} lowest:</p>\n", all, PricesOf(data).size(),
                     slower.size()) +
         PriceTable(slower);
}

std::string DriftList(const ReportData& data) {
  std::string items;
  for (const Drift& d : data.prices.drifts) {
    items += fmt::format(
        "<li><b>{}</b>: of {} timed cells {} have the golden's bits; {} moved between two runs, {} "
        "between numbers of threads.</li>\n",
        d.kernel, d.cells, d.golden, d.runs, d.threads);
  }
  return items.empty() ? "" : "<ul>\n" + items + "</ul>\n";
}

std::string EnvironmentTable(const ReportData& data) {
  std::string rows;
  for (const auto& [key, value] : data.environment.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    rows += fmt::format("<tr><th>{}</th><td><code>{}</code></td></tr>\n", key, Escaped(text));
  }
  for (const Peak& peak : data.prices.peaks) {
    rows += fmt::format(
        "<tr><th>peak, {}</th><td>{:.1f} GFLOP/s of fused multiply-adds, {:.1f} GB/s of "
        "triad</td></tr>\n",
        ThreadsName(peak.threads), peak.gflops, peak.gbs);
  }
  for (const std::string& line : data.prices.absent) {
    rows += fmt::format("<tr><th>not compared</th><td>{}</td></tr>\n", Escaped(line));
  }
  return "<table class=environment><tbody>\n" + rows + "</tbody></table>\n";
}

std::string Command(const std::string& command) {
  return fmt::format("<p class=command>Again: <code>{}</code></p>\n", Escaped(command));
}

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --back: #ffffff; --panel: #f6f8fa; --ink1: #1b1f24; --ink2: #59636e;
  --ink3: #d8dee4; --ink4: #0969da; --ink5: #bc4c00; --ink6: #1a7f37; --ink7: #8250df; --ink8: #bf3989;
  --ink9: #6e7781; --good: #116329; --bad: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --panel: #161b22; --ink1: #e6edf3;
  --ink2: #9da7b1; --ink3: #30363d; --ink4: #58a6ff; --ink5: #ffa657; --ink6: #56d364; --ink7: #bc8cff;
  --ink8: #ff7bb0; --ink9: #9da7b1; --good: #56d364; --bad: #ff8c85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 24px 20px 64px; background: var(--back);
  color: var(--ink1); font: 16px/1.5 system-ui, sans-serif; }
p, li, code, summary { overflow-wrap: anywhere; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 20px; margin: 48px 0 4px; } h3 { font-size: 14px; margin: 0 0 4px; }
p { margin: 8px 0; } .faint, .note { color: var(--ink2); } .note, .command { font-size: 14px; }
.headline { font-size: 26px; line-height: 1.3; margin: 12px 0 20px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.warning { border-left: 4px solid var(--bad); padding: 4px 12px; background: var(--panel); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile { background: var(--panel); border: 1px solid var(--ink3); border-radius: 8px; padding: 12px; }
.tile b { font-size: 24px; line-height: 1.2; } .tile span { display: block; font-size: 12px; }
figure { margin: 12px 0 0; } figure svg { display: block; width: 100%; height: auto; }
figure .narrow { display: none; max-width: 560px; }
code { font: 13px/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; font-size: 14px; width: 100%; }
th { text-align: left; font-weight: 600; } td, th { padding: 4px 8px 4px 0; vertical-align: top; border-bottom: 1px solid var(--ink3); }
.number { text-align: right; white-space: nowrap; } .prices .faint { font-size: 12px; }
.both { display: grid; grid-template-columns: 1fr 1fr; gap: 32px; align-items: start; }
.matrix { font-size: 12px; } .matrix th { font-weight: 400; padding: 2px 2px 2px 0; vertical-align: bottom; white-space: nowrap; }
.matrix tbody th .faint { display: block; }
.matrix td { text-align: center; padding: 2px 0; width: 26px; font-weight: 700; }
.matrix .axis { width: 26px; padding: 0 0 4px; } .matrix .axis span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.environment th { width: 180px; font-weight: 400; color: var(--ink2); }
details summary { cursor: pointer; margin: 12px 0; } a { color: var(--ink4); }
@media (max-width: 900px) {
  body { padding: 16px 16px 48px; } .headline { font-size: 21px; } .both { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: 1fr 1fr; } figure .wide { display: none; } figure .narrow { display: block; }
  .matrix { font-size: 11px; } .matrix td, .matrix .axis { width: 20px; } .prices td, .prices th { padding-right: 6px; }
  .optional { display: none; } .environment th { width: 110px; }
}
)";

}  // namespace

std::vector<Plot> PlotsOf(const ReportData& data) {
  std::vector<Plot> plots = {PricePlot(data), LadderPlot(data), RooflinePlot(data),
                             TrainingPlot(data)};
  if (!data.prices.batches.empty()) plots.push_back(BatchPlot(data));
  if (!data.repeat.is_null()) plots.push_back(RepeatPlot(data.repeat));
  if (!data.all_reduces.is_null()) {
    for (Plot& plot : AllReducePlots(data.all_reduces)) plots.push_back(std::move(plot));
  }
  return plots;
}

std::string PageOf(const ReportData& data, const std::vector<Plot>& plots,
                   const std::vector<DrawnPlot>& drawn) {
  const auto figure = [&](std::string_view name) {
    for (std::size_t i = 0; i < plots.size(); ++i) {
      if (plots[i].name != name) continue;
      return fmt::format("<figure><div class=wide>{}</div><div class=narrow>{}</div></figure>\n",
                         drawn[i].wide, drawn[i].narrow);
    }
    return std::string("<p class=note>Not measured: a short list of prices leaves it out.</p>\n");
  };
  const auto text = [&](const char* key) {
    return Escaped(data.environment.value(key, "unknown"));
  };
  std::string html =
      "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<meta name=viewport "
      "content=\"width=device-width, initial-scale=1\">\n<title>samebits report</title>\n<link "
      "rel=icon href=\"data:,\">\n<style>" +
      std::string(kStyle) + "</style>\n</head>\n<body>\n";
  html += fmt::format(
      "<h1>samebits: are the bits the same, and what does it cost?</h1>\n<p class=note>{}, {}; {}; "
      "revision {}</p>\n",
      text("cpu"), text("date"), text("compiler"), text("revision"));
  html += Headline(data);
  html += Tiles(data);
  html +=
      "<p class=note>Geometric means of time of the fastest library / time of ours, for kernels "
      "whose bits are the golden's: above 1.00× the same bits are faster. Each price is the median "
      "of " +
      std::to_string(data.prices.rounds.count) +
      " interleaved rounds, its interval of 95 % by bootstrap; only verified bits were "
      "timed.</p>\n";
  if (!WasQuiet(data.prices)) {
    html += fmt::format(
        "<p class=warning>This machine was busy: another process took a processor {:.0f} times a "
        "second. Nothing is concluded from prices on more than one thread.</p>\n",
        data.prices.preemptions);
  }
  for (const std::string& line : data.prices.wrong) {
    html += fmt::format("<p class=warning><b>Not timed:</b> {}</p>\n", Escaped(line));
  }
  html +=
      "<h2>What each operation costs</h2>\n<p class=note>One dot a case, with its interval. Right "
      "of 1 ours is faster. Where no library has the operation (dropout, Adam), 85 % of the "
      "measured bandwidth stands for one.</p>\n" +
      figure("price");
  html += Command(data.price_command);
  html += "<h2>Where we lose</h2>\n" + Losses(data);
  html += "<details><summary>All prices</summary>\n" + PriceTable(PricesOf(data)) + "</details>\n";
  html +=
      "<h2>The ladder: what each promise costs</h2>\n<p class=note>none: no promise; run: the same "
      "bits run after run; machine: with any number of threads; everywhere: the golden's bits, on "
      "any machine. A step down is the price of the stronger promise. On 1 thread.</p>\n" +
      figure("ladder");
  html +=
      "<h2>Roofline</h2>\n<p class=note>Dots: 1 thread; rings: more. Peaks measured in the same "
      "run. Operations that only move "
      "memory have no operations to count; their share of the bandwidth stands in the table of "
      "prices.</p>\n" +
      figure("roofline");
  const Count libraries = CountOf(data, true);
  html += fmt::format(
      "<h2>Who keeps which bits</h2>\n<p>Ours: {} cells, {} with the golden's bits. Libraries, "
      "measured the same way and promising nothing: {} cells, {} with the golden's bits, {} whose "
      "bits move from their own plain run.</p>\n",
      Thousands(CountOf(data, false).Ran()), Thousands(CountOf(data, false).match),
      Thousands(libraries.Ran()), Thousands(libraries.match), Thousands(libraries.moved));
  html += "<p class=note>";
  for (const Mark* mark : {&kHolds, &kSteady, &kMoves, &kFails, &kNotRun, &kNotAsked}) {
    html += fmt::format("<span class={}>{}</span> {}{}", mark->style, mark->sign, mark->meaning,
                        mark == &kNotAsked ? ".</p>\n" : "; ");
  }
  html += "<div class=both><div><h3>samebits</h3>" + MatrixTable(data, false) +
          "</div><div><h3>libraries</h3>" + MatrixTable(data, true) + DriftList(data) +
          "</div></div>\n";
  html += Command(data.matrix_command);
  html += fmt::format(
      "<h2>One seed, one training</h2>\n<p>{}: {}.</p>\n", Escaped(data.course.title),
      data.course.golden == "match"
          ? "<b class=good>every loss and every weight has the golden's bits</b>"
      : data.course.golden == "mismatch" ? "<b class=bad>the bits are not the golden's</b>"
                                         : "no golden is on file for this run");
  html += figure("training") + Command(data.train_command);
  if (!data.repeat.is_null()) html += RepeatSection(data.repeat, figure("repeat"));
  if (!data.all_reduces.is_null()) {
    html += AllReduceSection(data.all_reduces, figure("allreduce"), figure("allreduce_model"));
  }
  html +=
      "<h2>Time per image, from batch 64 to 4,096</h2>\n<p class=note>Layers of the recipe, 1 "
      "thread, over the time at batch 64; the second line is the goal of at most 1.1.</p>\n" +
      figure("batches");
  html += "<h2>Environment</h2>\n" + EnvironmentTable(data);
  html +=
      "<p class=note>Every table lies beside this page as JSON and CSV, every plot as "
      "PNG.</p>\n</body>\n</html>\n";
  return html;
}

std::map<std::string, std::string> TablesOf(const ReportData& data) {
  std::string prices =
      "group,operation,case,threads,claim,kernel,fastest,ratio,low,high,outcome,seconds,gflops,gbs,"
      "peak_fraction,verified\n";
  for (const Price& p : data.prices.prices) {
    prices += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", p.group, p.operation,
                          p.case_id, p.threads, p.claim, p.kernel, p.fastest, p.ratio.value,
                          p.ratio.low, p.ratio.high, p.outcome, p.seconds, p.Gflops(), p.Gbs(),
                          p.peak_fraction, p.verified);
  }
  std::string ladder = "group,threads,claim,geomean\n";
  for (const std::string& group : GroupsOf(data)) {
    for (const int threads : ThreadsOf(data)) {
      for (const char* claim : kClaims) {
        const double mean = GeometricMean(data, group, claim, threads);
        if (mean > 0) ladder += fmt::format("{},{},{},{}\n", group, threads, claim, mean);
      }
    }
  }
  std::string matrix = "operation,kernel,claim,axis,cells,match,failed,not_promised,moved\n";
  for (const auto& row : data.matrix.at("rows")) {
    for (const auto& [axis, entry] : row.at("axes").items()) {
      matrix += fmt::format("{},{},{},{},{},{},{},{},{}\n", row.at("operation").get<std::string>(),
                            row.at("kernel").get<std::string>(), row.at("claim").get<std::string>(),
                            axis, entry.at("cells").get<int>(), entry.at("match").get<int>(),
                            entry.at("failed").get<int>(), entry.at("not_promised").get<int>(),
                            entry.at("moved").get<int>());
    }
  }
  std::string training = "step,loss\n";
  for (std::size_t i = 0; i < data.course.losses.size(); ++i)
    training += fmt::format("{},{}\n", i + 1, data.course.losses[i]);
  std::string batches = "operation,case,kernel,batch,seconds_per_image,ratio,low,high\n";
  for (const BatchPrice& b : data.prices.batches) {
    batches += fmt::format("{},{},{},{},{},{},{},{}\n", b.operation, b.case_id, b.kernel, b.batch,
                           b.seconds_per_image, b.to_smallest.value, b.to_smallest.low,
                           b.to_smallest.high);
  }
  std::map<std::string, std::string> tables = {{"prices.csv", prices},
                                               {"ladder.csv", ladder},
                                               {"matrix.csv", matrix},
                                               {"training.csv", training},
                                               {"batches.csv", batches}};
  if (!data.repeat.is_null()) tables["repeat.csv"] = RepeatTable(data.repeat);
  if (!data.all_reduces.is_null()) tables["allreduce.csv"] = AllReduceTable(data.all_reduces);
  return tables;
}

}  // namespace samebits
