#include "tools/samebits/report_evidence.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "benchmarks/price_list.h"
#include "kernels/core/error.h"
#include "tools/samebits/html.h"
#include "tools/samebits/report_matrix.h"
#include "tools/samebits/report_prices.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

std::string WholeText(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool IsThere(const fs::path& file) { return fs::exists(file) && fs::file_size(file) > 0; }

nlohmann::json ReadPart(const fs::path& file) {
  if (!IsThere(file)) return nullptr;
  nlohmann::json json = nlohmann::json::parse(WholeText(file), nullptr, false);
  if (json.is_discarded()) throw UserError(fmt::format("{}: not JSON", file.string()));
  return json;
}

void ReadRepeats(const fs::path& file, Evidence& evidence) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("runs") || !json.contains("same")) {
      throw UserError(fmt::format("{}: not lines of repeat-kernel --json", file.string()));
    }
    ++evidence.repeated;
    evidence.moved += !json["same"].get<bool>();
    evidence.runs = std::max(evidence.runs, json["runs"].get<int>());
  }
}

Evidence ReadFolder(const fs::path& folder) {
  Evidence evidence;
  evidence.name = folder.filename().string();
  evidence.summary = WholeText(folder / "summary.txt");
  evidence.gate = ReadPart(folder / "gate.json");
  evidence.train = ReadPart(folder / "train.json");
  evidence.step_run = ReadPart(folder / "step-run.json");
  evidence.step_none = ReadPart(folder / "step-none.json");
  if (IsThere(folder / "prices.json")) evidence.prices = ReadPrices(folder / "prices.json");
  ReadRepeats(folder / "repeats.jsonl", evidence);
  return evidence;
}

std::string Item(const std::string& what, const std::string& text) {
  return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", what, text);
}

std::string Good(bool good, const std::string& text) {
  return fmt::format("<b class={}>{}</b>", good ? "good" : "bad", text);
}

constexpr const char* kPartNotRun = "not run";

std::string CellsText(const nlohmann::json& gate) {
  if (gate.is_null()) return kPartNotRun;
  const CellCount ours = CellsOf(gate, false), libraries = CellsOf(gate, true);
  return Good(ours.failed == 0 && ours.match > 0,
              fmt::format("{} of {}", Thousands(ours.match), Thousands(ours.Ran()))) +
         fmt::format(" with the golden's bits; of libraries {} of {}, {} moved",
                     Thousands(libraries.match), Thousands(libraries.Ran()),
                     Thousands(libraries.moved));
}

std::string TrainText(const nlohmann::json& train) {
  if (train.is_null()) return kPartNotRun;
  const std::string golden = train.value("golden", "none");
  return fmt::format("{} steps, {:.3f} ms each, golden: ", Thousands(train.value("steps", 0)),
                     train.value("ms_per_step", 0.0)) +
         (golden == "none" ? golden : Good(golden == "match", golden));
}

std::string StepText(const nlohmann::json& step) {
  const nlohmann::json price =
      step.is_null() ? nlohmann::json() : step.value("price_of_determinism", nlohmann::json());
  if (price.is_null()) return kPartNotRun;
  return fmt::format("{:.3f} ms, everywhere {:.3f} ms: {:.2f} times",
                     price.value("ms_per_step", 0.0), price.value("everywhere_ms_per_step", 0.0),
                     price.value("ratio", 0.0));
}

std::string RepeatsText(const Evidence& e) {
  if (e.repeated == 0) return kPartNotRun;
  return Good(e.moved == 0, fmt::format("{} of {}", e.repeated - e.moved, e.repeated)) +
         fmt::format(" kernels, {} runs each beside other work", Thousands(e.runs));
}

// Each library over the cases of an operation.
std::string LibraryTable(const PriceList& list) {
  struct Row {
    double logarithms = 0, low = HUGE_VAL, high = 0;
    int cases = 0;
  };
  std::map<std::pair<std::string, std::string>, Row> rows;
  std::map<std::string, std::string> claims;
  for (const LibraryPrice& p : list.libraries) {
    Row& row = rows[{p.operation, p.library}];
    row.logarithms += std::log(p.ratio.value);
    row.low = std::min(row.low, p.ratio.value), row.high = std::max(row.high, p.ratio.value);
    ++row.cases;
    claims[p.library] = p.claim;
  }
  if (rows.empty()) return "";
  std::string html;
  for (const auto& [key, row] : rows) {
    const double mean = std::exp(row.logarithms / row.cases);
    html += fmt::format(
        "<tr><td><code>{}</code></td><td>{} <span class=faint>{}</span></td><td "
        "class=\"number optional\">{}</td><td class=\"number {}\"><b>{:.2f}</b><br><span "
        "class=faint>{:.2f}–{:.2f}</span></td></tr>\n",
        key.first, key.second, claims[key.second], row.cases, mean < 1 ? "bad" : "good", mean,
        row.low, row.high);
  }
  return "<p class=note>Time of the library / time of ours, geometric mean of the cases, lowest "
         "and highest; behind its name what the library promises.</p>\n"
         "<table class=prices><thead><tr><th>operation</th><th>library</th><th class=\"number "
         "optional\">cases</th><th class=number>ratio</th></tr></thead><tbody>\n" +
         html + "</tbody></table>\n";
}

std::string FolderText(const Evidence& e) {
  std::string html = fmt::format("<h3>{}</h3>\n", Escaped(e.name)) +
                     "<table class=environment><tbody>\n" + Item("cells", CellsText(e.gate)) +
                     Item("repeats", RepeatsText(e)) + Item("two epochs", TrainText(e.train)) +
                     Item("a step by libraries that promise a run's bits", StepText(e.step_run)) +
                     Item("a step by whatever is fastest", StepText(e.step_none)) +
                     Item("prices", e.prices ? "below" : kPartNotRun) + "</tbody></table>\n";
  if (e.prices) {
    html +=
        "<p class=note>The ladder: time of the fastest library / time of the fastest kernel "
        "that promises as much.</p>\n" +
        LadderTable(*e.prices) + LibraryTable(*e.prices);
  }
  if (!e.gate.is_null()) {
    html += "<details><summary>Who keeps which bits there</summary>\n" + MatrixLegend() +
            "<div class=both><div><h3>samebits</h3>" + MatrixTable(e.gate, false) +
            "</div><div><h3>libraries</h3>" + MatrixTable(e.gate, true) +
            "</div></div></details>\n";
  }
  return html + "<details><summary>How each part ended</summary><pre><code>" + Escaped(e.summary) +
         "</code></pre></details>\n";
}

}  // namespace

std::vector<Evidence> ReadEvidence(const fs::path& directory) {
  std::vector<fs::path> folders;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    if (entry.is_directory() && entry.path().extension() != ".part") {
      folders.push_back(entry.path());
    }
  }
  const auto date = [](const fs::path& folder) {  // the name's last ten characters
    const std::string name = folder.filename().string();
    return name.substr(name.size() - std::min<std::size_t>(10, name.size()));
  };
  std::ranges::sort(folders, std::greater(),
                    [&](const fs::path& folder) { return std::pair(date(folder), folder); });
  std::vector<Evidence> evidence;
  for (const fs::path& folder : folders) evidence.push_back(ReadFolder(folder));
  return evidence;
}

std::string EvidenceSection(const std::vector<Evidence>& evidence) {
  std::string html = "<h2>On GPUs</h2>\n";
  if (evidence.empty()) {
    return html +
           "<p><b>Not run:</b> no GPU's evidence is on file, so nothing here says how the CUDA "
           "kernels do on one. <code>tools/verify_gpu</code> brings it back from a machine that "
           "has a GPU.</p>\n";
  }
  for (const Evidence& e : evidence) html += FolderText(e);
  return html;
}

}  // namespace samebits
