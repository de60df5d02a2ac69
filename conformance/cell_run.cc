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
  // The last piece first, so that one that writes behind its own end spoils one that is done.
  const std::int64_t last = (samples - 1) / setting_.piece * setting_.piece;
  for (std::int64_t first = last; first >= 0; first -= setting_.piece) {
    const std::int64_t count = std::min<std::int64_t>(setting_.piece, samples - first);
    const Case part = whole.With("n", count);
    const Signature own = cell_.kernel->op->signature(part);
    // Where a tensor's samples from `first` on begin.
    const auto offset = [&](const Tensor& all, const Tensor& some) {
      const auto bytes = static_cast<std::int64_t>(all.Bytes());
      return some.shape == all.shape ? 0 : bytes / samples * first;
    };
    Buffers piece = problem_.buffers();
    for (std::size_t i = 0; i < own.inputs.size(); ++i) {
      piece.inputs[i] = static_cast<const std::byte*>(piece.inputs[i]) +
                        offset(problem_.signature().inputs[i], own.inputs[i]);
    }
    for (std::size_t i = 0; i < own.outputs.size(); ++i) {
      piece.outputs[i] = static_cast<std::byte*>(piece.outputs[i]) +
                         offset(problem_.signature().outputs[i], own.outputs[i]);
    }
    Run(*cell_.kernel, part, piece, *team_);
  }
}

}  // namespace samebits
