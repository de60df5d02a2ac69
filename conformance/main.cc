// The gate: one test per cell of the plan. Ordinary GoogleTest filters take cell ids.
//
//   --jsonl FILE       one JSON line per cell as well
//   --digest CELL      print the digest of one cell's bits instead (the axis `process`)
//
// Exits with 1 when a cell failed, or when none matched: a run in which all was skipped proves
// nothing.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

struct Gate {
  Judge judge{GoldenDirectory(), InOwnProcess()};
  std::map<Verdict, int> counts;
  std::map<std::string, int> unavailable;  // cells by reason
  std::ofstream lines;
};

class CellTest : public testing::Test {
 public:
  CellTest(Gate& gate, Cell cell) : gate_(gate), cell_(std::move(cell)) {}

  void TestBody() override {
    const Outcome outcome = gate_.judge.Evaluate(cell_);
    ++gate_.counts[outcome.verdict];
    if (gate_.lines.is_open()) gate_.lines << JsonOf(outcome) << '\n';
    if (outcome.Failed()) {
      ADD_FAILURE() << cell_.Id() << ": " << VerdictName(outcome.verdict) << ": " << outcome.reason;
    } else if (outcome.verdict == Verdict::kUnavailable) {
      ++gate_.unavailable[outcome.reason];
      GTEST_SKIP() << cell_.Id() << ": unavailable: " << outcome.reason;
    } else if (outcome.verdict == Verdict::kNotPromised) {
      RecordProperty("not_promised", outcome.reason);
    }
  }

 private:
  Gate& gate_;
  Cell cell_;
};

void RegisterCells(Gate& gate) {
  for (const Cell& cell : Plan(AllKernels())) {
    const std::string id = cell.Id();
    const std::size_t slash = id.find('/');
    testing::RegisterTest(id.substr(0, slash).c_str(), id.substr(slash + 1).c_str(), nullptr,
                          nullptr, __FILE__, __LINE__,
                          [&gate, cell]() -> CellTest* { return new CellTest(gate, cell); });
  }
}

int Report(const Gate& gate, int tests) {
  std::string counts;
  for (const auto& [verdict, count] : gate.counts) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, VerdictName(verdict));
  }
  fmt::print("\nsamebits: {}\n", counts.empty() ? "no cell ran" : counts);
  for (const auto& [reason, count] : gate.unavailable) {
    fmt::print("samebits: NOT RUN: {} cells: {}\n", count, reason);
  }
  if (tests == kExitHolds && !gate.counts.contains(Verdict::kMatch)) {
    fmt::print("samebits: FAILED: no cell matched a golden, so nothing was proven\n");
    return kExitBitsDiffer;
  }
  return tests;
}

int Main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Gate gate;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) throw UserError(fmt::format("nothing follows {}", argv[i]));
    if (std::strcmp(argv[i], "--digest") == 0) {
      fmt::print("{}\n", DigestLine(argv[i + 1]));
      return kExitHolds;
    }
    if (std::strcmp(argv[i], "--jsonl") != 0) {
      throw UserError(fmt::format("unknown option {}; there are --jsonl FILE and --digest CELL", argv[i]));
    }
    gate.lines.open(argv[i + 1]);
    if (!gate.lines) throw UserError(fmt::format("cannot write {}", argv[i + 1]));
  }
  RegisterCells(gate);
  const int tests = RUN_ALL_TESTS();
  return testing::GTEST_FLAG(list_tests) ? tests : Report(gate, tests);
}

}  // namespace
}  // namespace samebits

int main(int argc, char** argv) {
  try {
    return samebits::Main(argc, argv);
  } catch (const samebits::UserError& error) {
    fmt::print(stderr, "samebits_conformance: {}\n", error.what());
    return samebits::kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "samebits_conformance: {}\n", error.what());
    return samebits::kExitUnavailable;
  }
}
