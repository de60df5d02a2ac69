#include "tools/samebits/report_page.h"

#include <utility>

#include <fmt/format.h>

#include "tools/samebits/html.h"
#include "tools/samebits/report_evidence.h"
#include "tools/samebits/report_matrix.h"
#include "tools/samebits/report_prices.h"
#include "tools/samebits/report_ranks.h"
#include "tools/samebits/report_recipes.h"

namespace samebits {
namespace {

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

std::string Headline(const ReportData& data) {
  const CellCount ours = CellsOf(data.matrix, false);
  const std::string bits =
      ours.Ran() == 0 ? std::string("<b class=bad>No cell of ours was run.</b>")
      : ours.failed > 0
          ? fmt::format("<b class=bad>Bits differ in {} of {} cells.</b>", Thousands(ours.failed),
                        Thousands(ours.Ran()))
          : fmt::format("<b class=good>The same bits in all {} cells.</b>", Thousands(ours.Ran()));
  return "<p class=headline>" + bits + " " + PriceHeadline(data.prices) + "</p>";
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
p, li, code, summary { overflow-wrap: anywhere; } pre { margin: 0; white-space: pre-wrap; }
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
  std::vector<Plot> plots = PricePlots(data.prices);
  plots.push_back(TrainingPlot(data));
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
  html += PriceTiles(data.prices);
  html +=
      "<p class=note>Geometric means of time of the fastest library / time of ours, for kernels "
      "whose bits are the golden's: above 1.00× the same bits are faster. Each price is the median "
      "of " +
      std::to_string(data.prices.rounds.count) +
      " interleaved rounds, its interval of 95 % by bootstrap; only verified bits were "
      "timed.</p>\n";
  if (!WasQuiet(data.prices)) {
    html += fmt::format(
        "<p class=warning>This machine was busy: threads waited for a processor for {:.0f} % of "
        "their time. Nothing is concluded from prices on more than one thread.</p>\n",
        100 * data.prices.waiting);
  }
  for (const std::string& line : data.prices.wrong) {
    html += fmt::format("<p class=warning><b>Not timed:</b> {}</p>\n", Escaped(line));
  }
  html +=
      "<h2>What each operation costs</h2>\n<p class=note>One dot a case, with its interval. Right "
      "of 1 ours is faster. Where no library has the operation, 85 % of the measured "
      "bandwidth stands for one.</p>\n" +
      figure("price");
  html += Command(data.price_command);
  html += "<h2>Where we lose</h2>\n" + PriceLosses(data.prices);
  html += "<details><summary>All prices</summary>\n" + AllPrices(data.prices) + "</details>\n";
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
  const CellCount ours = CellsOf(data.matrix, false);
  const CellCount libraries = CellsOf(data.matrix, true);
  html += fmt::format(
      "<h2>Who keeps which bits</h2>\n<p>Ours: {} cells, {} with the golden's bits. Libraries, "
      "measured the same way and promising nothing: {} cells, {} with the golden's bits, {} whose "
      "bits move from their own plain run.</p>\n",
      Thousands(ours.Ran()), Thousands(ours.match), Thousands(libraries.Ran()),
      Thousands(libraries.match), Thousands(libraries.moved));
  html += MatrixLegend();
  html += "<div class=both><div><h3>samebits</h3>" + MatrixTable(data.matrix, false) +
          "</div><div><h3>libraries</h3>" + MatrixTable(data.matrix, true) +
          DriftList(data.prices) + "</div></div>\n";
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
  html += EvidenceSection(data.evidence);
  html += "<h2>Environment</h2>\n" + EnvironmentTable(data);
  html +=
      "<p class=note>Every table lies beside this page as JSON and CSV, every plot as "
      "PNG.</p>\n</body>\n</html>\n";
  return html;
}

std::map<std::string, std::string> TablesOf(const ReportData& data) {
  std::string training = "step,loss\n";
  for (std::size_t i = 0; i < data.course.losses.size(); ++i)
    training += fmt::format("{},{}\n", i + 1, data.course.losses[i]);
  std::map<std::string, std::string> tables = PriceTables(data.prices);
  tables["matrix.csv"] = MatrixCells(data.matrix);
  tables["training.csv"] = training;
  if (!data.repeat.is_null()) tables["repeat.csv"] = RepeatTable(data.repeat);
  if (!data.all_reduces.is_null()) tables["allreduce.csv"] = AllReduceTable(data.all_reduces);
  return tables;
}

}  // namespace samebits
