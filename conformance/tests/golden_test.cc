// Faulty goldens, and the verdicts that are neither a match nor a wrong kernel.
#include "conformance/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/tests/testing.h"
#include "kernels/activation/activation.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"

namespace samebits {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const Op& kOp = activation::kReluForward;
constexpr char kCase[] = "n1000_zeros_seed812";
constexpr char kOtherCase[] = "n7_seed42";

class GoldenTest : public testing::Test {
 protected:
  GoldenTest() { WriteGoldens(folder_.path(), kOp, {{kCase, kOtherCase}}); }

  std::filesystem::path File() const { return GoldenFile::PathOf(folder_.path(), kOp); }
  void Replace(std::string_view from, std::string_view to) {
    std::string text = ReadText(File());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from << " is not in " << text;
    WriteText(File(), text.replace(at, from.size(), to));
  }
  Outcome Evaluate(const Kernel& kernel, std::string_view axis = "run", int point = 1) {
    return JudgeIn(folder_.path()).Evaluate(CellOf(kernel, kCase, axis, point));
  }
  Outcome EvaluatePortable() { return Evaluate(*FindKernel(kOp, "portable")); }

  TemporaryFolder folder_;
};

TEST_F(GoldenTest, MatchesAsWritten) {
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kMatch);
  EXPECT_EQ(outcome.reason, "");
  EXPECT_EQ(outcome.output, GoldenOf(kOp, kCase).output);
  EXPECT_FALSE(outcome.Failed());
}

TEST_F(GoldenTest, ReadsWhatItWrote) {
  const GoldenFile file = GoldenFile::Read(folder_.path(), kOp);
  EXPECT_EQ(file.fault(), "");
  ASSERT_THAT(file.lines(), SizeIs(2));
  EXPECT_EQ(*file.Find(kCase), GoldenOf(kOp, kCase));
  const std::string text = ReadText(File());
  file.Write(folder_.path(), kOp, "the tests of the harness");
  EXPECT_EQ(ReadText(File()), text) << "the same writer is named once";
}

TEST_F(GoldenTest, FileMissing) {
  std::filesystem::remove(File());
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kNoGolden);
  EXPECT_TRUE(outcome.Failed());
  EXPECT_THAT(outcome.reason, HasSubstr("samebits golden propose"));
}

TEST_F(GoldenTest, LineMissing) {
  WriteGoldens(folder_.path(), kOp, {{kOtherCase}});
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kNoGolden);
  EXPECT_THAT(outcome.reason, HasSubstr(kCase));
}

TEST_F(GoldenTest, OtherContractVersion) {
  Replace("contract 1", "contract 2");
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("golden stale"));
}

TEST_F(GoldenTest, OtherOperation) {
  Replace("# operation relu_fwd_v1", "# operation relu_fwd_v2");
  EXPECT_THAT(EvaluatePortable().reason, HasSubstr("golden stale"));
}

TEST_F(GoldenTest, EditedWithoutSeal) {
  const std::string digest = GoldenOf(kOp, kCase).output.whole;
  std::string edited = digest;
  edited[0] = edited[0] == '0' ? '1' : '0';
  Replace("out=" + digest, "out=" + edited);
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("golden edited"));
}

TEST_F(GoldenTest, LineAddedBehindTheSeal) {
  WriteText(File(), ReadText(File()) + "n9_seed1 in=0 out=0 blocks=\n");
  EXPECT_THAT(EvaluatePortable().reason, HasSubstr("golden edited"));
}

TEST_F(GoldenTest, SealMissing) {
  Replace("# seal ", "# zeal ");
  EXPECT_THAT(EvaluatePortable().reason, HasSubstr("golden edited"));
}

// Sealed, but not the reference's bits: the kernel that differs from it is not the one at fault.
TEST_F(GoldenTest, WrongBitsUnderARightSeal) {
  Golden golden = GoldenOf(kOp, kCase);
  golden.output.whole = Sha256OfText("other bits");
  GoldenFile file;
  file.Add(kCase, golden);
  file.Write(folder_.path(), kOp, "somebody");
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("the golden is stale, or the toolchain"));
  EXPECT_THAT(outcome.reason, Not(HasSubstr("the kernel is wrong")));
}

TEST_F(GoldenTest, WrongBlocksUnderARightSeal) {
  Golden golden = GoldenOf(kOp, kCase);
  golden.output.blocks.back() = std::string(16, '0');
  GoldenFile file;
  file.Add(kCase, golden);
  file.Write(folder_.path(), kOp, "somebody");
  EXPECT_EQ(EvaluatePortable().verdict, Verdict::kMismatch);
}

TEST_F(GoldenTest, InputsMoved) {
  Golden golden = GoldenOf(kOp, kCase);
  golden.input = Sha256OfText("other inputs");
  GoldenFile file;
  file.Add(kCase, golden);
  file.Write(folder_.path(), kOp, "somebody");
  const Outcome outcome = EvaluatePortable();
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("the generator moved, not the kernel"));
}

TEST_F(GoldenTest, AddRefusesToAlterALine) {
  GoldenFile file = GoldenFile::Read(folder_.path(), kOp);
  Golden golden = *file.Find(kCase);
  EXPECT_NO_THROW(file.Add(kCase, golden));
  golden.output.whole = Sha256OfText("other bits");
  EXPECT_THROW(file.Add(kCase, golden), UserError);
  EXPECT_EQ(*file.Find(kCase), GoldenOf(kOp, kCase)) << "and leaves it as it was";
}

// Kernels of others: right in the plain run, and adrift on one axis.
void Relu(const Case& id, const Buffers& buffers, Team& team) {
  Reference(kOp).run(id, buffers, team);
}
void DriftsOverThreads(const Case& id, const Buffers& buffers, Team& team) {
  Relu(id, buffers, team);
  buffers.out(0)[3] += static_cast<float>(team.size() - 1);
}
void OffAlways(const Case& id, const Buffers& buffers, Team& team) {
  Relu(id, buffers, team);
  buffers.out(0)[3] += 1.0f;
}
template <int wrong>  // of any two consecutive calls
void DriftsOverRuns(const Case& id, const Buffers& buffers, Team& team) {
  static int calls = 0;
  Relu(id, buffers, team);
  if (calls++ % 2 == wrong) buffers.out(0)[3] += 1.0f;
}

TEST_F(GoldenTest, ComparatorMayDriftOverThreads) {
  const Kernel kernel{&kOp, "comparator", &kCpu, Claim::kRun, DriftsOverThreads};
  EXPECT_EQ(Evaluate(kernel).verdict, Verdict::kMatch);
  const Outcome outcome = Evaluate(kernel, "threads", 3);
  EXPECT_EQ(outcome.verdict, Verdict::kNotPromised);
  EXPECT_FALSE(outcome.Failed());
  EXPECT_THAT(outcome.reason, HasSubstr("against its own plain run"));
  EXPECT_THAT(outcome.reason, HasSubstr("first y[3]"));
}

TEST_F(GoldenTest, ClaimOfOneMachineCoversThreads) {
  const Kernel kernel{&kOp, "comparator", &kCpu, Claim::kMachine, DriftsOverThreads};
  const Outcome outcome = Evaluate(kernel, "threads", 3);
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("breaks its own claim"));
}

TEST_F(GoldenTest, ComparatorNeedNotGiveTheGolden) {
  const Kernel kernel{&kOp, "comparator", &kCpu, Claim::kMachine, OffAlways};
  for (const std::string_view axis : {"run", "threads"}) {
    const Outcome outcome = Evaluate(kernel, axis, 2);
    EXPECT_EQ(outcome.verdict, Verdict::kNotPromised);
    EXPECT_EQ(outcome.reason, "the bits of its own plain run, not the golden's");
  }
}

TEST_F(GoldenTest, ComparatorMustNotDriftOverRuns) {
  for (KernelFunction* run : {DriftsOverRuns<0>, DriftsOverRuns<1>}) {
    const Outcome outcome = Evaluate({&kOp, "comparator", &kCpu, Claim::kRun, run}, "run", 2);
    EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
    EXPECT_THAT(outcome.reason, HasSubstr("breaks its own claim"));
  }
  EXPECT_EQ(Evaluate({&kOp, "free", &kCpu, Claim::kNone, DriftsOverRuns<0>}, "run", 2).verdict,
            Verdict::kNotPromised);
}

// Whichever of the two runs is the golden.
TEST_F(GoldenTest, KernelMustNotDriftOverRuns) {
  for (KernelFunction* run : {DriftsOverRuns<0>, DriftsOverRuns<1>}) {
    const Outcome outcome = Evaluate({&kOp, "kernel", &kCpu, Claim::kEverywhere, run}, "run", 2);
    EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
    EXPECT_THAT(outcome.reason, HasSubstr("the kernel is wrong: "));
  }
}

TEST_F(GoldenTest, UnavailableIsNoPass) {
  const Backend missing{"gpu", [] { return std::string("there is no such processor"); }};
  const Outcome outcome = Evaluate({&kOp, "gpu", &missing, Claim::kEverywhere, nullptr});
  EXPECT_EQ(outcome.verdict, Verdict::kUnavailable);
  EXPECT_EQ(outcome.reason, "there is no such processor");
  EXPECT_FALSE(outcome.Failed());
}

TEST_F(GoldenTest, OtherProcessIsCompared) {
  const Golden golden = GoldenOf(kOp, kCase);
  Digest elsewhere = golden.output;
  Judge judge(folder_.path(), [&](const Cell&) { return elsewhere; });
  const Cell cell = CellOf(*FindKernel(kOp, "portable"), kCase, "process", 2);
  EXPECT_EQ(judge.Evaluate(cell).verdict, Verdict::kMatch);
  elsewhere.whole = Sha256OfText("other bits");
  const Outcome outcome = judge.Evaluate(cell);
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("in a process of its own, and only there"));
}

// A library reads what it may use when its process starts.
TEST_F(GoldenTest, ALibrarysIsaIsThatOfItsProcess) {
  const Backend backend{"library", [] { return std::string(); },
                        [](int) { return std::string_view("LIBRARY_ISA=less"); }};
  const Kernel kernel{&kOp, "library", &backend, Claim::kRun, OffAlways};
  const Digest plain = DigestOf(Judge::Execute(CellOf(kernel, kCase, "run", 1)));
  Judge judge(folder_.path(), [&](const Cell& cell) {
    Digest digest = plain;
    if (cell.point == 128) digest.whole = Sha256OfText("other bits");
    return digest;
  });
  const Outcome moved = judge.Evaluate(CellOf(kernel, kCase, "isa", 128));
  EXPECT_EQ(moved.verdict, Verdict::kNotPromised);
  EXPECT_TRUE(moved.moved);
  if (kCpuAvx2.unavailable().empty()) {
    const Outcome kept = judge.Evaluate(CellOf(kernel, kCase, "isa", 256));
    EXPECT_EQ(kept.verdict, Verdict::kNotPromised);
    EXPECT_FALSE(kept.moved);
  }
}

// Where the bits are wrong in this process too, they are explained.
TEST_F(GoldenTest, WrongInAnyProcess) {
  Judge judge(folder_.path(), [](const Cell& cell) { return DigestOf(Judge::Execute(cell)); });
  const Kernel kernel{&kOp, "kernel", &kCpu, Claim::kEverywhere, OffAlways};
  const Outcome outcome = judge.Evaluate(CellOf(kernel, kCase, "process", 2));
  EXPECT_EQ(outcome.verdict, Verdict::kMismatch);
  EXPECT_THAT(outcome.reason, HasSubstr("first y[3]"));
}

}  // namespace
}  // namespace samebits
