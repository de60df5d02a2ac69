// The gate as a process: its exit codes and what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/tests/testing.h"
#include "kernels/activation/activation.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

using testing::HasSubstr;

const Op& kRelu = activation::kReluForward;
constexpr char kReluCase[] = "n7_seed812";

struct Ended {
  int code;
  std::string output;
};

// The gate with stderr in its output.
Ended RunGate(const std::filesystem::path& goldens, std::string_view arguments) {
  const std::string command = fmt::format("SAMEBITS_GOLDEN='{}' '{}' {} 2>&1", goldens.string(),
                                          SAMEBITS_CONFORMANCE, arguments);
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  std::string output;
  char piece[512];
  while (std::fgets(piece, sizeof piece, pipe) != nullptr) output += piece;
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

class GateTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

// What a library may use is told to its process: without fma its sums have other bits.
TEST(ElsewhereTest, TellsALibraryItsIsa) {
  int told = 0;
  for (const Kernel* kernel : AllKernels()) {
    const bool reads_it = kernel->backend->isa_environment != nullptr;
    if (kernel->op != &dense::kForward || !reads_it || !kernel->backend->unavailable().empty() ||
        !kCpuAvx2.unavailable().empty()) {
      continue;
    }
    ++told;
    const auto digest = [&](int bits) {
      return InOwnProcess()(CellOf(*kernel, "n64c64_k10_seed812", "isa", bits));
    };
    EXPECT_NE(digest(128), digest(0)) << kernel->name;
    EXPECT_EQ(digest(0), digest(0)) << kernel->name;
  }
  if (told == 0) GTEST_SKIP() << "no library whose ISA can be told";
}

// Every kernel on every axis, the process among them.
TEST_F(GateTest, HoldsWithGoldens) {
  WriteGoldens(folder_.path(), kRelu, {{kReluCase}});
  const std::filesystem::path lines = folder_.path() / "lines.jsonl";
  const Ended gate = RunGate(
      folder_.path(),
      fmt::format("--gtest_filter='*relu_fwd_v1/{}@*' --jsonl '{}'", kReluCase, lines.string()));
  EXPECT_EQ(gate.code, kExitHolds) << gate.output;
  EXPECT_THAT(gate.output, HasSubstr(" match"));
  const std::string text = ReadText(lines);
  const nlohmann::json first = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(first.at("verdict"), "match");
  EXPECT_EQ(first.at("out"), GoldenOf(kRelu, kReluCase).output.whole);
}

TEST_F(GateTest, NothingSelectedFails) {
  WriteGoldens(folder_.path(), kRelu, {{kReluCase}});
  const Ended gate = RunGate(folder_.path(), "--gtest_filter='no_such_cell'");
  EXPECT_EQ(gate.code, kExitBitsDiffer);
  EXPECT_THAT(gate.output, HasSubstr("FAILED: no cell matched a golden, so nothing was proven"));
}

TEST_F(GateTest, OnlyUnavailableCellsFail) {
  const auto kernels = AllKernels();
  const auto missing = std::find_if(kernels.begin(), kernels.end(), [](const Kernel* kernel) {
    return !kernel->backend->unavailable().empty();
  });
  if (missing == kernels.end()) GTEST_SKIP() << "this machine can run every kernel";
  const Ended gate = RunGate(folder_.path(), fmt::format("--gtest_filter='*{}/*@{}#*'",
                                                         (*missing)->op->name, (*missing)->name));
  EXPECT_EQ(gate.code, kExitBitsDiffer);
  EXPECT_THAT(gate.output, HasSubstr("NOT RUN"));
  EXPECT_THAT(gate.output, HasSubstr((*missing)->backend->unavailable()));
}

TEST_F(GateTest, NoGoldenFails) {
  const Ended gate =
      RunGate(folder_.path(), fmt::format("--gtest_filter='*relu_fwd_v1/{}@*'", kReluCase));
  EXPECT_EQ(gate.code, kExitBitsDiffer);
  EXPECT_THAT(gate.output, HasSubstr("no golden"));
}

TEST_F(GateTest, PrintsADigest) {
  const Ended gate =
      RunGate(folder_.path(), fmt::format("--digest 'relu_fwd_v1/{}@portable#run=1'", kReluCase));
  ASSERT_EQ(gate.code, kExitHolds) << gate.output;
  const nlohmann::json digest = nlohmann::json::parse(gate.output);
  EXPECT_EQ(digest.at("out"), GoldenOf(kRelu, kReluCase).output.whole);
  EXPECT_EQ(digest.at("blocks"), GoldenOf(kRelu, kReluCase).output.blocks);
}

TEST_F(GateTest, BadUsage) {
  EXPECT_EQ(RunGate(folder_.path(), "--digest 'relu_fwd_v1/n7@nobody#run=1'").code, kExitUsage);
  EXPECT_EQ(RunGate(folder_.path(), "--digest 'relu_fwd_v1/N7@portable#run=1'").code, kExitUsage);
  EXPECT_EQ(RunGate(folder_.path(), "--surprise me").code, kExitUsage);
  EXPECT_EQ(RunGate(folder_.path(), "--digest").code, kExitUsage);
  EXPECT_EQ(RunGate(folder_.path(), "--jsonl /nowhere/lines.jsonl").code, kExitUsage);
}

}  // namespace
}  // namespace samebits
