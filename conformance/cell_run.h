// Runs a cell under its setting.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conformance/plan.h"
#include "conformance/problem.h"
#include "kernels/core/leaves.h"
#include "kernels/core/team.h"

namespace samebits {

// Why this machine cannot run the cell; empty when it can.
std::string UnavailableReason(const Cell& cell);

// A cell made ready: its problem and its threads, kept from run to run.
class CellRun {
 public:
  // Throws UserError when the case is none of the operation's.
  explicit CellRun(const Cell& cell);

  const Problem& problem() const { return problem_; }

  // One run, its bits.
  Bitstream Once();

  // What a run did beside its outputs: "wrote outside of y"; empty when nothing.
  const std::string& fault() const { return fault_; }

 private:
  void RunInPieces();
  void RunByWorkers();
  void RunByRanks();
  std::vector<float> SumOf(const Subtree& subtree, Team& team) const;
  // The tensors of `part` of the batch, from a sample on.
  Buffers PartOf(const Case& part, std::int64_t first_sample) const;

  const Cell cell_;
  const Setting setting_;
  Problem problem_;
  std::optional<Team> team_;
  std::string fault_;
};

}  // namespace samebits
