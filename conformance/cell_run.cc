#include "conformance/cell_run.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "collectives/collectives.h"
#include "collectives/local.h"
#include "conformance/surroundings.h"
#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/contract.h"
#include "kernels/core/floating_point.h"

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
    } else if (setting_.ranks > 1) {
      RunByRanks();
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
  const std::int64_t leaves = problem_.case_of().Get("v", kLeaves);
  std::vector<Subtree> subtrees;
  std::vector<std::int64_t> own;
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    own.push_back(leaf);
    if ((leaf + 1) * setting_.workers / leaves == leaf * setting_.workers / leaves) continue;
    const std::vector<Subtree> worker = SubtreesOf(own);
    subtrees.insert(subtrees.end(), worker.begin(), worker.end());
    own.clear();
  }
  std::vector<std::vector<float>> sums;
  std::vector<const float*> parts;
  for (const Subtree& subtree : subtrees) sums.push_back(SumOf(subtree, *team_));
  for (const std::vector<float>& sum : sums) parts.push_back(sum.data());
  float* const out = problem_.buffers().out(0);
  const FloatingPointScope scope;
  all_reduce::SumParts(parts.data(), MeetingOf(subtrees).merges, std::ssize(sums[0]), &out);
}

void CellRun::RunByRanks() {
  const Case& whole = problem_.case_of();
  if (IsTraining(*cell_.kernel->op)) {
    const Case ranks = Case::Parse(fmt::format("{}_ranks{}map{}", whole.id(), setting_.ranks,
                                               static_cast<int>(setting_.mapping)));
    return Run(*cell_.kernel, ranks, problem_.buffers(), *team_);
  }
  const std::int64_t n = problem_.signature().outputs[0].Elements();
  std::vector<std::vector<float>> results(static_cast<std::size_t>(setting_.ranks),
                                          std::vector<float>(static_cast<std::size_t>(n)));
  const LeafMap map = LeavesBy(setting_.mapping, setting_.ranks, whole.Get("v", kLeaves));
  RunLocalRanks(setting_.ranks, [&](Transport& transport) {
    Team team(1);
    // Several windows of a small tensor.
    Collectives collectives(transport, map, {.chunk_bytes = 1024});
    std::vector<std::vector<float>> sums;
    std::vector<const float*> parts;
    for (const Subtree& subtree : collectives.own()) sums.push_back(SumOf(subtree, team));
    for (const std::vector<float>& sum : sums) parts.push_back(sum.data());
    collectives.AllReduce(parts, n, results[static_cast<std::size_t>(transport.rank())].data());
  });
  std::ranges::copy(results[0], problem_.buffers().out(0));
  for (std::size_t rank = 1; rank < results.size(); ++rank) {
    const auto bytes = static_cast<std::size_t>(n) * sizeof(float);
    if (std::memcmp(results[rank].data(), results[0].data(), bytes) != 0) {
      fault_ = fmt::format("gave rank {} other bits than rank 0", rank);
    }
  }
}

std::vector<float> CellRun::SumOf(const Subtree& subtree, Team& team) const {
  const Case& whole = problem_.case_of();
  std::vector<float> sum(static_cast<std::size_t>(problem_.signature().outputs[0].Elements()));
  SumOfLeaves(subtree, whole.Get("n"), whole.Get("v", kLeaves), sum,
              [&](std::int64_t samples, std::int64_t leaves, std::int64_t first, float* out) {
                Case part = whole.With("n", samples);
                part = whole.Get("v", 0) == 0
                           ? Case::Parse(fmt::format("{}_v{}", part.id(), leaves))
                           : part.With("v", leaves);
                Buffers buffers = PartOf(part, first);
                buffers.outputs[0] = out;
                Run(*cell_.kernel, part, buffers, team);
              });
  return sum;
}

}  // namespace samebits
