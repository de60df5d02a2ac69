// The report's part on conformance: which operations and kernels have the golden's bits on which
// axes. A matrix is what Matrix::Json gives.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace samebits {

struct CellCount {
  int cells = 0, match = 0, failed = 0, moved = 0, unavailable = 0;

  int Ran() const { return cells - unavailable; }
};

// Of libraries' kernels, or of ours.
CellCount CellsOf(const nlohmann::json& matrix, bool libraries);
// A line for each operation of ours, or for each library's kernel.
std::string MatrixTable(const nlohmann::json& matrix, bool libraries);
std::string MatrixLegend();

// As CSV.
std::string MatrixCells(const nlohmann::json& matrix);

}  // namespace samebits
