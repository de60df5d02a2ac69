#include "tools/samebits/report_matrix.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "conformance/plan.h"
#include "kernels/core/op.h"

namespace samebits {
namespace {

struct Mark {
  const char *sign, *style, *meaning;
};
constexpr Mark kHolds{"✓", "good", "the golden's bits in every cell"},
    kSteady{"=", "plain", "bits of its own, that do not move on this axis"},
    kMoves{"≠", "bad", "bits of its own, that move on this axis"},
    kFails{"✗", "bad", "FAILED: bits were promised and differ"},
    kNotRun{"–", "faint", "did not run on this machine"},
    kNotAsked{"·", "faint", "not crossed with it"};

const Mark& MarkOf(const CellCount& count) {
  if (count.cells == 0) return kNotAsked;
  if (count.failed > 0) return kFails;
  if (count.Ran() == 0) return kNotRun;
  return count.moved > 0 ? kMoves : count.match == count.Ran() ? kHolds : kSteady;
}

void Add(const nlohmann::json& axis, CellCount& count) {
  count.cells += axis.at("cells").get<int>();
  count.match += axis.at("match").get<int>();
  count.failed += axis.at("failed").get<int>();
  count.moved += axis.at("moved").get<int>();
  for (const auto& [reason, cells] : axis.at("unavailable").items()) {
    count.unavailable += cells.get<int>();
  }
}

bool IsLibraryRow(const nlohmann::json& row) {
  return row.at("claim") != ClaimName(Claim::kEverywhere);
}

// On every axis, or on one.
CellCount CountOf(const nlohmann::json& matrix, bool libraries,
                  const std::function<bool(const nlohmann::json&)>& row_is = {},
                  std::string_view axis = {}) {
  CellCount count;
  for (const auto& row : matrix.at("rows")) {
    if (IsLibraryRow(row) != libraries || (row_is && !row_is(row))) continue;
    for (const auto& [name, entry] : row.at("axes").items()) {
      if (axis.empty() || axis == name) Add(entry, count);
    }
  }
  return count;
}

}  // namespace

CellCount CellsOf(const nlohmann::json& matrix, bool libraries) {
  return CountOf(matrix, libraries);
}

std::string MatrixTable(const nlohmann::json& matrix, bool libraries) {
  std::string head, body;
  for (const Axis& axis : AllAxes()) {
    head += fmt::format("<th class=axis><span>{}</span></th>", axis.name);
  }
  std::vector<std::pair<std::string, std::string>> lines;  // operation, kernel; ours together
  for (const auto& row : matrix.at("rows")) {
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
      const CellCount count = CountOf(
          matrix, libraries,
          [&](const nlohmann::json& row) {
            return row.at("operation") == operation &&
                   (kernel.empty() || row.at("kernel") == kernel);
          },
          axis.name);
      const Mark& mark = MarkOf(count);
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

std::string MatrixLegend() {
  std::string legend = "<p class=note>";
  for (const Mark* mark : {&kHolds, &kSteady, &kMoves, &kFails, &kNotRun, &kNotAsked}) {
    legend += fmt::format("<span class={}>{}</span> {}{}", mark->style, mark->sign, mark->meaning,
                          mark == &kNotAsked ? ".</p>\n" : "; ");
  }
  return legend;
}

std::string MatrixCells(const nlohmann::json& matrix) {
  std::string cells = "operation,kernel,claim,axis,cells,match,failed,not_promised,moved\n";
  for (const auto& row : matrix.at("rows")) {
    for (const auto& [axis, entry] : row.at("axes").items()) {
      cells += fmt::format("{},{},{},{},{},{},{},{},{}\n", row.at("operation").get<std::string>(),
                           row.at("kernel").get<std::string>(), row.at("claim").get<std::string>(),
                           axis, entry.at("cells").get<int>(), entry.at("match").get<int>(),
                           entry.at("failed").get<int>(), entry.at("not_promised").get<int>(),
                           entry.at("moved").get<int>());
    }
  }
  return cells;
}

}  // namespace samebits
