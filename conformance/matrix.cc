#include "conformance/matrix.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/steady_choice.h"

namespace samebits {
namespace {

// The reasons of the legend, numbered as the table meets them.
class Reasons {
 public:
  std::string Mark(const std::string& reason) {
    auto known = std::find(reasons_.begin(), reasons_.end(), reason);
    if (known == reasons_.end()) known = reasons_.insert(known, reason);
    return fmt::format("[{}]", known - reasons_.begin() + 1);
  }
  std::string Text() const {
    std::string text;
    for (std::size_t i = 0; i < reasons_.size(); ++i) {
      text += fmt::format("{:<5}{}\n", fmt::format("[{}]", i + 1), reasons_[i]);
    }
    return text;
  }

 private:
  std::vector<std::string> reasons_;
};

using Line = std::vector<std::string>;

// Columns as wide as they must be.
std::string Table(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += fmt::format("{:<{}}", line[i], widths[i] + 2);
    text += row.substr(0, row.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

}  // namespace

int Matrix::Entry::Cells() const {
  int cells = match + failed + drifted;
  for (const auto& [reason, count] : unavailable) cells += count;
  return cells;
}

void Matrix::Add(const nlohmann::json& outcome) {
  const std::string verdict = outcome.at("verdict"), reason = outcome.at("reason");
  const Cell cell = ParseCell(outcome.at("cell").get<std::string>());
  Entry& entry = rows_[cell.kernel][cell.axis];
  if (verdict == "match") {
    ++entry.match;
  } else if (verdict == "unavailable") {
    ++entry.unavailable[reason];
  } else {
    ++(verdict == "not promised" ? entry.drifted : entry.failed);
    entry.moved += outcome.value("moved", false);
  }
}

bool Matrix::Failed() const {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& row) {
    return std::any_of(row.second.begin(), row.second.end(),
                       [](const auto& entry) { return entry.second.failed > 0; });
  });
}

std::string Matrix::Text() const {
  Reasons reasons;
  const auto text_of = [&](const Kernel& kernel, const Axis& axis, const Entry* entry) {
    if (entry == nullptr) {
      const std::string_view why_not = axis.why_not(kernel);
      return why_not.empty() ? "-" : reasons.Mark(fmt::format("not crossed with it: {}", why_not));
    }
    std::string text;
    if (entry->match == entry->Cells()) {
      text = fmt::format("{}", entry->match);
    } else if (entry->match + entry->failed + entry->drifted > 0) {
      text = fmt::format("{}/{}{}{}", entry->match, entry->Cells(), entry->failed > 0 ? "!" : "",
                         entry->drifted > 0 ? "~" : "");
    }
    for (const auto& [reason, count] : entry->unavailable) {
      text += reasons.Mark(fmt::format("did not run: {}", reason));
    }
    return text;
  };
  std::vector<Line> lines = {{"operation", "kernel"}};
  for (const Axis& axis : AllAxes()) lines[0].emplace_back(axis.name);
  for (const Kernel* kernel : AllKernels()) {
    const auto row = rows_.find(kernel);
    if (row == rows_.end()) continue;
    Line& line = lines.emplace_back(Line{std::string(kernel->op->name), std::string(kernel->name)});
    for (const Axis& axis : AllAxes()) {
      const auto entry = row->second.find(&axis);
      line.push_back(text_of(*kernel, axis, entry == row->second.end() ? nullptr : &entry->second));
    }
  }
  return Table(lines) +
         "\nn    cells, all with the golden's bits; n/m: n of m; -: none asked for\n"
         "!    some failed\n"
         "~    some have other bits, and the kernel does not promise these\n" +
         reasons.Text();
}

nlohmann::json Matrix::Json() const {
  nlohmann::json rows = nlohmann::json::array();
  for (const Kernel* kernel : AllKernels()) {
    const auto row = rows_.find(kernel);
    if (row == rows_.end()) continue;
    const auto& entries = row->second;
    nlohmann::json axes = nlohmann::json::object();
    for (const Axis& axis : AllAxes()) {
      nlohmann::json& json = axes[std::string(axis.name)];
      json["why_not"] = axis.why_not(*kernel);
      const auto found = entries.find(&axis);
      const Entry& entry = found == entries.end() ? Entry() : found->second;
      json["cells"] = entry.Cells();
      json["match"] = entry.match;
      json["failed"] = entry.failed;
      json["not_promised"] = entry.drifted;
      json["moved"] = entry.moved;
      json["unavailable"] = entry.unavailable;
    }
    rows.push_back({{"operation", kernel->op->name},
                    {"kernel", kernel->name},
                    {"claim", ClaimName(kernel->claim)},
                    {"axes", axes}});
  }
  return {{"rows", rows}, {"failed", Failed()}};
}

Matrix ReadMatrix(std::istream& lines, const std::string& name, const std::string& filter) {
  Matrix matrix;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    try {
      const nlohmann::json outcome = nlohmann::json::parse(line);
      if (MatchesFilter(outcome.at("cell").get<std::string>(), filter)) matrix.Add(outcome);
    } catch (const nlohmann::json::exception&) {
      throw UserError(
          fmt::format("{}:{}: not a line of samebits_conformance --jsonl", name, number));
    }
  }
  return matrix;
}

Matrix RunQuickPart(const std::string& filter,
                    const std::function<void(const std::string&)>& progress) {
  std::vector<Cell> cells = Plan(AllKernels());
  std::erase_if(
      cells, [&](const Cell& cell) { return !IsQuick(cell) || !MatchesFilter(cell.Id(), filter); });
  Judge judge(GoldenDirectory(), InOwnProcess());
  const SteadyChoice steady;  // as in the gate
  Matrix matrix;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % 100 == 0) progress(fmt::format("cell {} of {}", i + 1, cells.size()));
    matrix.Add(JsonOf(judge.Evaluate(cells[i])));
  }
  return matrix;
}

}  // namespace samebits
