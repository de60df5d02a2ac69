#include "tools/samebits/report_prices.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "benchmarks/price_list.h"

namespace samebits {

std::string ThreadsName(int threads) {
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

namespace {

// Prices beyond these are drawn at the edge.
constexpr double kLowestRatio = 0.05, kHighestRatio = 20;

std::string Short(const std::string& case_id) { return case_id.substr(0, case_id.rfind("_seed")); }

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

std::vector<const Price*> PricesOf(const PriceList& list, const std::string& claim = kEverywhere) {
  std::vector<const Price*> prices;
  for (const Price& price : list.prices) {
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

std::vector<std::string> GroupsOf(const PriceList& list) {
  return Distinct(PricesOf(list), [](const Price& p) { return p.group; });
}

std::vector<int> ThreadsOf(const PriceList& list) {
  std::set<int> threads;
  for (const Price& price : list.prices) threads.insert(price.threads);
  return {threads.begin(), threads.end()};
}

// Of the ratios of a group and claim on so many threads; 0 where none says something.
double GeometricMean(const PriceList& list, const std::string& group, const std::string& claim,
                     int threads) {
  double sum = 0;
  int count = 0;
  for (const Price* p : PricesOf(list, claim)) {
    if (p->group != group || p->threads != threads || !SaysSomething(list, *p)) continue;
    sum += std::log(p->ratio.value);
    ++count;
  }
  return count == 0 ? 0 : std::exp(sum / count);
}

// Every price beside its operation, a line of its own for each case.
Plot PricePlot(const PriceList& list) {
  const auto prices = PricesOf(list);
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
  const std::vector<int> threads = ThreadsOf(list);
  for (std::size_t t = 0; t < threads.size(); ++t) {
    Series series{ThreadsName(threads[t]), LineInk(t), Series::Style::kDots, {}, true};
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

Plot LadderPlot(const PriceList& list) {
  Plot plot{.name = "ladder",
            .alt = "Geometric mean of the prices of each claim, by group",
            .x_title = "what the kernel promises at least",
            .y_title = "fastest library / kernel"};
  plot.columns = {std::begin(kClaims), std::end(kClaims)};
  plot.x_low = -0.25, plot.x_high = 3.25;
  plot.y_log = false;
  const std::vector<std::string> groups = GroupsOf(list);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Series series{groups[g], LineInk(g), LineStyle(g), {}};
    for (std::size_t c = 0; c < std::size(kClaims); ++c) {
      const double mean = GeometricMean(list, groups[g], kClaims[c], 1);
      if (mean > 0) series.points.push_back({static_cast<double>(c), mean});
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

Plot RooflinePlot(const PriceList& list) {
  Plot plot{.name = "roofline",
            .alt = "Roofline: speed of the golden's kernels under the measured peaks",
            .x_title = "operations per byte moved at least",
            .y_title = "GFLOP/s"};
  plot.x_log = plot.y_log = true;
  double least = 1, most = 100, slowest = 10, fastest = 100;
  const auto prices = PricesOf(list);
  for (const Price* p : prices) {
    if (p->flops == 0) continue;
    least = std::min(least, p->flops / p->bytes), most = std::max(most, p->flops / p->bytes);
    slowest = std::min(slowest, p->Gflops()), fastest = std::max(fastest, p->Gflops());
  }
  plot.x_low = least / 2, plot.x_high = most * 2;
  for (const Peak& peak : list.peaks) {
    const double knee = peak.gflops / peak.gbs;
    fastest = std::max(fastest, peak.gflops);
    plot.series.push_back(
        {fmt::format("peak, {}", ThreadsName(peak.threads)),
         Ink::kFaint,
         peak.threads == 1 ? Series::Style::kLine : Series::Style::kDashes,
         {{plot.x_low, plot.x_low * peak.gbs}, {knee, peak.gflops}, {plot.x_high, peak.gflops}}});
  }
  plot.y_low = slowest / 2, plot.y_high = fastest * 2;
  std::size_t shown = 0;  // groups that have operations
  for (const std::string& group : GroupsOf(list)) {
    bool any = false;
    for (const int threads : ThreadsOf(list)) {
      Series series{threads == 1 ? group : std::string(),
                    LineInk(shown),
                    threads == 1 ? Series::Style::kDots : Series::Style::kRings,
                    {}};
      for (const Price* p : prices) {
        if (p->flops > 0 && p->group == group && p->threads == threads) {
          series.points.push_back({p->flops / p->bytes, p->Gflops()});
        }
      }
      if (series.points.empty()) continue;
      any = true;
      plot.series.push_back(std::move(series));
    }
    shown += any;
  }
  return plot;
}

Plot BatchPlot(const PriceList& list) {
  Plot plot{.name = "batches",
            .alt = "Time per image at larger batches over that at the smallest",
            .x_title = "time per image, batch 64 = 1",
            .y_title = ""};
  plot.marks = {1, 1.1};
  std::vector<std::int64_t> batches;
  double high = 1.5, low = 0.5;
  for (const BatchPrice& b : list.batches) {
    if (std::find(batches.begin(), batches.end(), b.batch) == batches.end())
      batches.push_back(b.batch);
    if (std::find(plot.rows.begin(), plot.rows.end(), b.operation) == plot.rows.end())
      plot.rows.push_back(b.operation);
    high = std::max(high, 1.05 * b.to_smallest.high), low = std::min(low, 0.95 * b.to_smallest.low);
  }
  plot.x_low = std::max(low, 0.1), plot.x_high = std::min(high, 10.0);
  for (std::size_t i = 1; i < batches.size(); ++i) {
    Series series{
        fmt::format("batch {}", batches[i]), LineInk(i - 1), Series::Style::kDots, {}, true};
    for (const BatchPrice& b : list.batches) {
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

}  // namespace

std::vector<Plot> PricePlots(const PriceList& list) {
  std::vector<Plot> plots = {PricePlot(list), LadderPlot(list)};
  if (!list.peaks.empty()) plots.push_back(RooflinePlot(list));  // a device has none
  if (!list.batches.empty()) plots.push_back(BatchPlot(list));
  return plots;
}

std::string PriceHeadline(const PriceList& list) {
  const auto prices = PricesOf(list);
  const auto count = [&](std::string_view outcome) {
    return std::count_if(prices.begin(), prices.end(),
                         [&](const Price* p) { return p->outcome == outcome; });
  };
  const auto slower = count("slower");
  std::string cost =
      fmt::format("Of {} prices {} are faster than the fastest library, {} level with it, ",
                  prices.size(), count("faster"), count("inconclusive"));
  cost += slower == 0 ? "<b class=good>none slower</b>."
                      : fmt::format("<b class=bad>{} slower</b>.", slower);
  return cost;
}

std::string PriceTiles(const PriceList& list) {
  std::string tiles;
  for (const std::string& group : GroupsOf(list)) {
    std::string lines;
    for (const int threads : ThreadsOf(list)) {
      const double mean = GeometricMean(list, group, kEverywhere, threads);
      if (mean == 0) continue;
      int slower = 0, all = 0;
      for (const Price* p : PricesOf(list)) {
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

std::string PriceLosses(const PriceList& list) {
  std::vector<const Price*> slower;
  for (const Price* p : PricesOf(list)) {
    if (p->outcome == "slower") slower.push_back(p);
  }
  if (slower.empty()) return "<p>Nowhere: no price is below 1 with its whole interval.</p>\n";
  std::stable_sort(slower.begin(), slower.end(),
                   [](auto a, auto b) { return a->ratio.value < b->ratio.value; });
  constexpr std::size_t kShown = 10;
  const std::size_t all = slower.size();
  slower.resize(std::min(kShown, all));
  return fmt::format("<p>In {} of {} prices; the {} lowest:</p>\n", all, PricesOf(list).size(),
                     slower.size()) +
         PriceTable(slower);
}

std::string AllPrices(const PriceList& list) { return PriceTable(PricesOf(list)); }

std::string LadderTable(const PriceList& list) {
  std::string html = "<table><thead><tr><th>group</th>";
  for (const char* claim : kClaims) html += fmt::format("<th class=number>{}</th>", claim);
  html += "</tr></thead><tbody>\n";
  for (const std::string& group : GroupsOf(list)) {
    html += fmt::format("<tr><td>{}</td>", group);
    for (const char* claim : kClaims) {
      const double mean = GeometricMean(list, group, claim, 1);
      html += fmt::format("<td class=number>{}</td>", mean > 0 ? RatioText(mean) : "-");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string DriftList(const PriceList& list) {
  std::string items;
  for (const Drift& d : list.drifts) {
    items += fmt::format(
        "<li><b>{}</b>: of {} timed cells {} have the golden's bits; {} moved between two runs, {} "
        "between numbers of threads.</li>\n",
        d.kernel, d.cells, d.golden, d.runs, d.threads);
  }
  return items.empty() ? "" : "<ul>\n" + items + "</ul>\n";
}

std::map<std::string, std::string> PriceTables(const PriceList& list) {
  std::string prices =
      "group,operation,case,threads,claim,kernel,fastest,ratio,low,high,outcome,seconds,gflops,gbs,"
      "peak_fraction,verified\n";
  for (const Price& p : list.prices) {
    prices += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", p.group, p.operation,
                          p.case_id, p.threads, p.claim, p.kernel, p.fastest, p.ratio.value,
                          p.ratio.low, p.ratio.high, p.outcome, p.seconds, p.Gflops(), p.Gbs(),
                          p.peak_fraction, p.verified);
  }
  std::string ladder = "group,threads,claim,geomean\n";
  for (const std::string& group : GroupsOf(list)) {
    for (const int threads : ThreadsOf(list)) {
      for (const char* claim : kClaims) {
        const double mean = GeometricMean(list, group, claim, threads);
        if (mean > 0) ladder += fmt::format("{},{},{},{}\n", group, threads, claim, mean);
      }
    }
  }
  std::string batches = "operation,case,kernel,batch,seconds_per_image,ratio,low,high\n";
  for (const BatchPrice& b : list.batches) {
    batches += fmt::format("{},{},{},{},{},{},{},{}\n", b.operation, b.case_id, b.kernel, b.batch,
                           b.seconds_per_image, b.to_smallest.value, b.to_smallest.low,
                           b.to_smallest.high);
  }
  return {{"prices.csv", prices}, {"ladder.csv", ladder}, {"batches.csv", batches}};
}

}  // namespace samebits
