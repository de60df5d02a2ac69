// A cell's verdict: run it, compare its bits with the golden, and say why when they differ.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "conformance/explain.h"
#include "conformance/golden.h"
#include "conformance/plan.h"

namespace samebits {

enum class Verdict {
  kMatch,
  kMismatch,
  kNoGolden,
  kUnavailable,
  kNotPromised  // a comparator that drifted: recorded, not failed
};

std::string_view VerdictName(Verdict verdict);

// The command that judges the cell again, whether the plan has it or not.
std::string RepeatCommand(const Cell& cell);

class CellRun;

struct Outcome {
  Cell cell;
  Verdict verdict;
  std::string reason;  // one line or a few; empty for a match
  Digest output;
  std::optional<Difference> difference;  // from the reference, of a wrong kernel
  bool moved = false;                    // a comparator's bits, from those of its own plain run

  bool Failed() const { return verdict == Verdict::kMismatch || verdict == Verdict::kNoGolden; }
};

// {"cell": …, "claim": …, "verdict": …, "reason": …, "out": …}, and "difference" where there is one
nlohmann::json JsonOf(const Outcome& outcome);

// Judges cells against one folder of goldens. Safe from one thread.
class Judge {
 public:
  // The output digest of a cell in a process of its own, with what the cell's kernel reads there.
  // Throws UnavailableError when it cannot run there, and std::runtime_error when its process ends
  // otherwise than with bits.
  using Elsewhere = std::function<Digest(const Cell&)>;

  Judge(std::filesystem::path goldens, Elsewhere elsewhere);

  Outcome Evaluate(const Cell& cell);

  // The bits of a cell's kernel, whatever the golden says; the axis process does not apply.
  static Bitstream Execute(const Cell& cell);

 private:
  const GoldenFile& GoldensOf(const Op& op);
  Outcome Compare(const Cell& cell);
  Outcome CompareElsewhere(CellRun& run, const Cell& cell, const Golden& golden);
  Outcome WhyNot(Outcome outcome, const Golden& golden, const Bitstream& got);

  std::filesystem::path directory_;
  Elsewhere elsewhere_;
  std::map<const Op*, GoldenFile> goldens_;
  std::map<std::string, Digest> plain_elsewhere_;  // of libraries, by their cells
};

// Runs the gate beside this program with `--digest CELL` and reads the digest it prints.
Judge::Elsewhere InOwnProcess();
// The other side of it: what to print for `--digest CELL`, one line of JSON.
std::string DigestLine(std::string_view cell_id);

}  // namespace samebits
