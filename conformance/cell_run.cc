#include "conformance/cell_run.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "conformance/surroundings.h"
#include "kernels/core/contract.h"

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
    if (setting_.piece > 0) {
      RunInPieces();
    } else if (setting_.workers > 1) {
      RunByWorkers();
    } else {
      Run(*cell_.kernel, problem_.case_of(), problem_.buffers(), *team_);
    }
    if (!surroundings.StateKept()) fault_ = "left the caller another floating-point state";
  }
  if (const std::string_view tensor = problem_.WrittenOutside(); !tensor.empty()) {
    fault_ = fmt::format("wrote outside of {}", tensor);
  }
  return problem_.Outputs();
}

Buffers CellRun::PartOf(const Case& part, std::int64_t first_sample) const {
  const std::int64_t samples = problem_.case_of().Get("n");
  const Signature own = cell_.kernel->op->signature(part);
  const auto offset = [&](const Tensor& all, const Tensor& some) {
    const auto bytes = static_cast<std::int64_t>(all.Bytes());
    return some.shape == all.shape ? 0 : bytes / samples * first_sample;
  };
  Buffers buffers = problem_.buffers();
  for (std::size_t i = 0; i < own.inputs.size(); ++i) {
    buffers.inputs[i] = static_cast<const std::byte*>(buffers.inputs[i]) +
                        offset(problem_.signature().inputs[i], own.inputs[i]);
  }
  for (std::size_t i = 0; i < own.outputs.size(); ++i) {
    buffers.outputs[i] = static_cast<std::byte*>(buffers.outputs[i]) +
                         offset(problem_.signature().outputs[i], own.outputs[i]);
  }
  return buffers;
}

void CellRun::RunInPieces() {
  const Case& whole = problem_.case_of();
  const std::int64_t samples = whole.Get("n");
  // The last piece first, so that one that writes behind its own end spoils one that is done.
  const std::int64_t last = (samples - 1) / setting_.piece * setting_.piece;
  for (std::int64_t first = last; first >= 0; first -= setting_.piece) {
    const Case part = whole.With("n", std::min<std::int64_t>(setting_.piece, samples - first));
    Run(*cell_.kernel, part, PartOf(part, first), *team_);
  }
}

void CellRun::RunByWorkers() {
  const std::vector<float> sum = SumOfLeaves(0, problem_.case_of().Get("v", kLeaves));
  std::copy(sum.begin(), sum.end(), problem_.buffers().out(0));
}

// Leaves that one worker has are one call, where the borders of a batch of their samples are the
// same; the sums of others are added, as the contract's tree does.
std::vector<float> CellRun::SumOfLeaves(std::int64_t first, std::int64_t leaves) {
  const Case& whole = problem_.case_of();
  const std::int64_t all = whole.Get("v", kLeaves), n = whole.Get("n");
  const std::int64_t begin = LeafBegin(first, n, all);
  const std::int64_t samples = LeafBegin(first + leaves, n, all) - begin;
  std::vector<float> sum(static_cast<std::size_t>(problem_.signature().outputs[0].Elements()));
  if (samples == 0) return sum;
  const auto worker = [&](std::int64_t leaf) { return leaf * setting_.workers / all; };
  bool together = worker(first) == worker(first + leaves - 1);
  for (std::int64_t i = 1; i < leaves; ++i) {
    together &= LeafBegin(i, samples, leaves) == LeafBegin(first + i, n, all) - begin;
  }
  if (!together) {
    sum = SumOfLeaves(first, leaves / 2);
    const std::vector<float> right = SumOfLeaves(first + leaves / 2, leaves / 2);
    std::transform(sum.begin(), sum.end(), right.begin(), sum.begin(), std::plus());
    return sum;
  }
  Case part = whole.With("n", samples);
  part = whole.Get("v", 0) == 0 ? Case::Parse(fmt::format("{}_v{}", part.id(), leaves))
                                : part.With("v", leaves);
  Buffers buffers = PartOf(part, begin);
  buffers.outputs[0] = sum.data();
  Run(*cell_.kernel, part, buffers, *team_);
  return sum;
}

}  // namespace samebits
