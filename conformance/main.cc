// The gate: one test per cell of the plan. Ordinary GoogleTest filters take cell ids:
// --gtest_filter='*dense_fwd_v1/*@avx2#threads=2'.
//
// Exits with 1 when a cell failed, or when none matched: a run in which all was skipped proves
// nothing.
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "conformance/library.h"
#include "conformance/problem.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/steady_choice.h"

namespace samebits {
namespace {

struct Gate {
  Judge judge{GoldenDirectory(), InOwnProcess()};
  std::map<Verdict, int> counts;
  std::map<std::string, int> unavailable;  // cells by reason
  std::vector<std::string> required;       // backends that must not be
  std::ofstream lines;

  bool Requires(const Kernel& kernel) const {
    return std::find(required.begin(), required.end(), kernel.backend->name) != required.end() &&
           !kernel.backend->unavailable().empty();  // else it lacks data, say
  }
};

class CellTest : public testing::Test {
 public:
  CellTest(Gate& gate, Cell cell) : gate_(gate), cell_(std::move(cell)) {}

  void TestBody() override {
    const Outcome outcome = gate_.judge.Evaluate(cell_);
    ++gate_.counts[outcome.verdict];
    if (gate_.lines.is_open())
      gate_.lines << JsonOf(outcome) << std::endl;  // kept if this is cut short
    if (outcome.Failed()) {
      ADD_FAILURE() << cell_.Id() << ": " << VerdictName(outcome.verdict) << ": " << outcome.reason
                    << "\n  repeat: " << RepeatCommand(cell_);
    } else if (outcome.verdict == Verdict::kUnavailable && gate_.Requires(*cell_.kernel)) {
      ADD_FAILURE() << cell_.Id() << ": required, but unavailable: " << outcome.reason;
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

// The stored bits of the operation's second case are those of its golden, which its cells hold
// every kernel to.
class StreamTest : public testing::Test {
 public:
  StreamTest(const Op& op, std::int64_t seed) : op_(op), seed_(seed) {}

  void TestBody() override {
    const std::filesystem::path path = StoredStreamPath(GoldenDirectory(), op_, seed_);
    std::ifstream file(path, std::ios::binary);
    ASSERT_TRUE(file) << "no golden: " << path << " is missing";
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    const GoldenFile goldens = GoldenFile::Read(GoldenDirectory(), op_);
    const Golden* const golden = goldens.Find(StoredCaseId(op_, seed_));
    ASSERT_NE(golden, nullptr) << "no golden of " << StoredCaseId(op_, seed_);
    EXPECT_TRUE(DigestOf(Bitstream(bytes.begin(), bytes.end())) == golden->output)
        << path << " does not hold the golden's bits";
  }

 private:
  const Op& op_;
  std::int64_t seed_;
};

void RegisterCells(Gate& gate, bool quick) {
  for (const Cell& cell : Plan(AllKernels())) {
    if (quick && !IsQuick(cell)) continue;
    testing::RegisterTest("Gate", cell.Id().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [&gate, cell]() -> CellTest* { return new CellTest(gate, cell); });
  }
  for (const Op* op : AllOps()) {
    for (const std::int64_t seed : kSeeds) {
      const std::string name = fmt::format("{}/{}", op->name, StoredCaseId(*op, seed));
      testing::RegisterTest("Stream", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [op, seed]() -> StreamTest* { return new StreamTest(*op, seed); });
    }
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

std::set<std::string> Backends() {
  std::set<std::string> names;
  for (const Kernel* kernel : AllKernels()) names.emplace(kernel->backend->name);
  return names;
}

int Main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  CLI::App app{"The gate: one test per cell of the plan; takes GoogleTest's options too"};
  std::string jsonl, digest, library;
  bool quick = false;
  std::vector<std::string> required;
  app.add_option("--jsonl", jsonl, "Write one JSON line per cell to this file as well");
  app.add_flag("--quick", quick, "Only the quick part of the plan");
  app.add_option("--digest", digest, "Print the digest of one cell's bits, and run no test");
  app.add_option("--library", library, "Judge the kernels of this shared library as well");
  app.add_option("--require", required,
                 "Fail where this backend is unavailable: cuda, cpu_avx512, ...")
      ->check(CLI::IsMember(Backends()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitHolds : kExitUsage;
  }
  if (!library.empty()) LoadLibrary(library);
  if (!digest.empty()) {
    fmt::print("{}\n", DigestLine(digest));
    return kExitHolds;
  }
  Gate gate;
  gate.required = required;
  if (!jsonl.empty()) {
    gate.lines.open(jsonl);
    if (!gate.lines) throw UserError(fmt::format("cannot write {}", jsonl));
  }
  RegisterCells(gate, quick);
  const SteadyChoice steady;  // what libraries do is the same in the next gate
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
