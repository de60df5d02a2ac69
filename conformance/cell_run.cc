#include "conformance/cell_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "conformance/surroundings.h"

namespace samebits {

std::string UnavailableReason(const Cell& cell) {
  std::string reason = cell.kernel->backend->unavailable();
  return reason.empty() ? Lacking(cell.SettingOf()) : reason;
}

CellRun::CellRun(const Cell& cell)
    : cell_(cell),
      setting_(cell.SettingOf()),
      problem_(*cell.kernel->op, cell.case_id, setting_.offset) {}

Bitstream CellRun::Once() {
  problem_.PoisonOutputs();
  {
    const Surroundings surroundings(setting_);
    // Inside, so that new threads start with the caller's floating-point state.
    if (!team_) team_.emplace(setting_.threads);
    RunInPieces();
    if (!surroundings.StateKept()) fault_ = "left the caller another floating-point state";
  }
  if (const std::string_view tensor = problem_.WrittenOutside(); !tensor.empty()) {
    fault_ = fmt::format("wrote outside of {}", tensor);
  }
  return problem_.Outputs();
}

void CellRun::RunInPieces() {
  const Case& whole = problem_.case_of();
  if (setting_.piece == 0) {
    Run(*cell_.kernel, whole, problem_.buffers(), *team_);
    return;
  }
  const std::int64_t samples = whole.Get("n");
  const auto bytes_of = [&](const Tensor& tensor) {
    return static_cast<std::int64_t>(tensor.Bytes()) / samples;
  };
  const std::int64_t in = bytes_of(problem_.signature().inputs[0]);
  const std::int64_t out = bytes_of(problem_.signature().outputs[0]);
  for (std::int64_t first = 0; first < samples; first += setting_.piece) {
    const std::int64_t count = std::min<std::int64_t>(setting_.piece, samples - first);
    Buffers piece = problem_.buffers();
    piece.inputs[0] = static_cast<const std::byte*>(piece.inputs[0]) + first * in;
    piece.outputs[0] = static_cast<std::byte*>(piece.outputs[0]) + first * out;
    Run(*cell_.kernel, whole.With("n", count), piece, *team_);
  }
}

}  // namespace samebits
