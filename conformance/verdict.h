// A cell's verdict: run it, compare its bits with the golden, and say why when they differ.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <nlohmann/json_fwd.hpp>

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

struct Outcome {
  Cell cell;
  Verdict verdict;
  std::string reason;  // one line or a few; empty for a match
  Digest output;

  bool Failed() const { return verdict == Verdict::kMismatch || verdict == Verdict::kNoGolden; }
};

// {"cell": …, "verdict": …, "reason": …, "out": …}
nlohmann::json JsonOf(const Outcome& outcome);

// Judges cells against one folder of goldens. Safe from one thread.
class Judge {
 public:
  // The output digest of a cell in a process of its own; throws std::runtime_error when it fails.
  using Elsewhere = std::function<Digest(const Cell&)>;

  Judge(std::filesystem::path goldens, Elsewhere elsewhere);

  Outcome Evaluate(const Cell& cell);

  // The bits of a cell's kernel, whatever the golden says; the axis process does not apply.
  static Bitstream Execute(const Cell& cell);

 private:
  const GoldenFile& GoldensOf(const Op& op);
  Outcome Compare(const Cell& cell);
  std::string Explain(const Cell& cell, const Golden& golden, const Bitstream* got);

  std::filesystem::path directory_;
  Elsewhere elsewhere_;
  std::map<const Op*, GoldenFile> goldens_;
};

// Runs this program's own executable with `--digest CELL` and reads the digest it prints.
Judge::Elsewhere InOwnProcess();
// The other side of it: what to print for `--digest CELL`.
std::string DigestLine(std::string_view cell_id);

}  // namespace samebits
