#include "conformance/matrix.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/plan.h"
#include "kernels/core/error.h"

namespace samebits {
namespace {

constexpr std::string_view kNoCell = "-";

}  // namespace

int Matrix::Entry::Cells() const {
  int cells = match + failed + drifted;
  for (const auto& [reason, count] : unavailable) cells += count;
  return cells;
}

std::size_t Matrix::ReasonNumber(const std::string& reason) {
  auto known = std::find(reasons_.begin(), reasons_.end(), reason);
  if (known == reasons_.end()) known = reasons_.insert(known, reason);
  return static_cast<std::size_t>(known - reasons_.begin()) + 1;
}

void Matrix::Add(const nlohmann::json& outcome) {
  const std::string verdict = outcome.at("verdict"), reason = outcome.at("reason");
  const Cell cell = ParseCell(outcome.at("cell").get<std::string>());
  Entry& entry = rows_[{std::string(cell.kernel->op->name), std::string(cell.kernel->name)}]
                      [std::string(cell.axis->name)];
  if (verdict == "match") {
    ++entry.match;
  } else if (verdict == "unavailable") {
    ++entry.unavailable[ReasonNumber(reason)];
  } else {
    ++(verdict == "not promised" ? entry.drifted : entry.failed);
  }
}

bool Matrix::Failed() const {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& row) {
    return std::any_of(row.second.begin(), row.second.end(),
                       [](const auto& entry) { return entry.second.failed > 0; });
  });
}

std::string Matrix::TextOf(const Entry& entry) const {
  std::string text;
  if (entry.match + entry.failed + entry.drifted > 0) {
    text = fmt::format("{}/{}{}{}", entry.match, entry.Cells(), entry.failed > 0 ? "!" : "",
                       entry.drifted > 0 ? "~" : "");
  }
  for (const auto& [number, count] : entry.unavailable) text += fmt::format("[{}]", number);
  return text;
}

std::string Matrix::Text() const {
  std::string text = fmt::format("{:<22}{:<16}", "operation", "kernel");
  for (const Axis& axis : AllAxes()) text += fmt::format("{:<13}", axis.name);
  for (const auto& [row, entries] : rows_) {
    text += fmt::format("\n{:<22}{:<16}", row.first, row.second);
    for (const Axis& axis : AllAxes()) {
      const auto entry = entries.find(std::string(axis.name));
      text += fmt::format("{:<13}", entry == entries.end() ? kNoCell : TextOf(entry->second));
    }
  }
  text +=
      "\n\nn/m  n of m cells have the golden's bits; - no such cell\n"
      "!    some failed\n"
      "~    some have other bits, and the kernel does not promise these\n";
  for (std::size_t i = 0; i < reasons_.size(); ++i) {
    text += fmt::format("{:<5}some did not run: {}\n", fmt::format("[{}]", i + 1), reasons_[i]);
  }
  return text;
}

nlohmann::json Matrix::Json() const {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [row, entries] : rows_) {
    nlohmann::json axes = nlohmann::json::object();
    for (const auto& [axis, entry] : entries) {
      nlohmann::json unavailable = nlohmann::json::object();
      for (const auto& [number, count] : entry.unavailable) {
        unavailable[reasons_[number - 1]] = count;
      }
      axes[axis] = {{"cells", entry.Cells()},
                    {"match", entry.match},
                    {"failed", entry.failed},
                    {"not_promised", entry.drifted},
                    {"unavailable", unavailable}};
    }
    rows.push_back({{"operation", row.first}, {"kernel", row.second}, {"axes", axes}});
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

}  // namespace samebits
