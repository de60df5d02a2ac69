#include "conformance/verdict.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/problem.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"

namespace samebits {
namespace {

Isa IsaOf(const Setting& setting) {
  if (setting.isa_bits == 0) return BestIsa();
  return setting.isa_bits >= 512   ? Isa::kAvx512
         : setting.isa_bits >= 256 ? Isa::kAvx2
                                   : Isa::kBaseline;
}

Bitstream RunOnce(const Cell& cell, Problem& problem, Team& team) {
  problem.PoisonOutputs();
  Run(*cell.kernel, problem.case_of(), problem.buffers(), team);
  return problem.Outputs();
}

struct Runs {
  Bitstream first;
  std::optional<Bitstream> other;  // of a repetition that did not give the bits of the first run
};

Runs RunAll(const Cell& cell, Problem& problem) {
  const Setting setting = cell.SettingOf();
  const IsaLimit limit(IsaOf(setting));
  Team team(setting.threads);
  Runs runs{RunOnce(cell, problem, team), std::nullopt};
  for (int i = 1; i < setting.repeats && !runs.other; ++i) {
    if (Bitstream next = RunOnce(cell, problem, team); next != runs.first) runs.other = next;
  }
  return runs;
}

// Whether the kernel's claim covers the axis.
bool Promised(const Cell& cell) {
  if (cell.kernel->claim == Claim::kEverywhere) return true;
  const bool same_settings = cell.axis->name == "run" || cell.axis->name == "process";
  return same_settings && cell.point > 1
             ? cell.kernel->claim >= Claim::kRun
             : cell.axis->name != "run" && cell.kernel->claim >= Claim::kMachine;
}

std::string RepeatCommand(const Cell& cell) {
  return fmt::format("samebits_conformance --gtest_filter='*{}'", cell.Id());
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMatch:
      return "match";
    case Verdict::kMismatch:
      return "mismatch";
    case Verdict::kNoGolden:
      return "no golden";
    case Verdict::kUnavailable:
      return "unavailable";
    default:
      return "not promised";
  }
}

nlohmann::json JsonOf(const Outcome& outcome) {
  return {{"cell", outcome.cell.Id()},
          {"claim", ClaimName(outcome.cell.kernel->claim)},
          {"verdict", VerdictName(outcome.verdict)},
          {"reason", outcome.reason},
          {"out", outcome.output.whole}};
}

Judge::Judge(std::filesystem::path goldens, Elsewhere elsewhere)
    : directory_(std::move(goldens)), elsewhere_(std::move(elsewhere)) {}

const GoldenFile& Judge::GoldensOf(const Op& op) {
  auto file = goldens_.find(&op);
  if (file == goldens_.end()) {
    file = goldens_.emplace(&op, GoldenFile::Read(directory_, op)).first;
  }
  return file->second;
}

Bitstream Judge::Execute(const Cell& cell) {
  Problem problem(*cell.kernel->op, cell.case_id);
  return RunAll(cell, problem).first;
}

Outcome Judge::Evaluate(const Cell& cell) {
  try {
    return Compare(cell);
  } catch (const UnavailableError& error) {  // data that is not installed
    return {cell, Verdict::kUnavailable, error.what(), {}};
  }
}

Outcome Judge::Compare(const Cell& cell) {
  const Kernel& kernel = *cell.kernel;
  if (std::string reason = kernel.backend->unavailable(); !reason.empty()) {
    return {cell, Verdict::kUnavailable, std::move(reason), {}};
  }
  if (const Isa isa = IsaOf(cell.SettingOf()); isa > BestIsa()) {
    const Backend& lacking = isa == Isa::kAvx512 ? kCpuAvx512 : kCpuAvx2;
    return {cell, Verdict::kUnavailable, lacking.unavailable(), {}};
  }
  const GoldenFile& goldens = GoldensOf(*kernel.op);
  const auto mismatch = [&](std::string reason, Digest output) {
    return Outcome{cell, Verdict::kMismatch,
                   fmt::format("{}\n  repeat: {}", reason, RepeatCommand(cell)), std::move(output)};
  };
  if (!goldens.fault().empty()) return mismatch(goldens.fault(), {});
  const Golden* golden = goldens.Find(cell.case_id);
  if (golden == nullptr) {
    return {cell,
            Verdict::kNoGolden,
            fmt::format("{} has no line for {}; write it on purpose: samebits golden propose '{}'",
                        GoldenFile::PathOf(directory_, *kernel.op).string(), cell.case_id,
                        kernel.op->name),
            {}};
  }
  Problem problem(*kernel.op, cell.case_id);
  if (problem.InputDigest() != golden->input) {
    return mismatch(
        "golden stale: the inputs of this case are no longer those the golden was "
        "made from; the generator moved, not the kernel",
        {});
  }
  if (cell.SettingOf().process) {
    const Digest output = elsewhere_(cell);
    if (output == golden->output) return {cell, Verdict::kMatch, "", output};
    return mismatch(Explain(cell, *golden, nullptr), output);
  }
  const Runs runs = RunAll(cell, problem);
  // Of two runs that differ, at least one is not the golden: that one is judged.
  const bool judge_other = runs.other && DigestOf(runs.first) == golden->output;
  const Bitstream& got = judge_other ? *runs.other : runs.first;
  const Digest output = DigestOf(got);
  if (output == golden->output) return {cell, Verdict::kMatch, "", output};
  if (Promised(cell) && kernel.claim == Claim::kEverywhere) {
    return mismatch(Explain(cell, *golden, &got), output);
  }
  // A comparator is held to its own plain run, not to the golden.
  const Bitstream plain =
      runs.other ? runs.first
                 : RunAll({cell.kernel, cell.case_id, &AllAxes()[0], 1}, problem).first;
  const auto own =
      FirstDivergence(problem.signature().outputs, runs.other ? *runs.other : got, plain);
  if (own && Promised(cell)) return mismatch("breaks its own claim: " + Describe(*own), output);
  const std::string drift = own ? "against its own plain run, " + Describe(*own)
                                : std::string("the bits of its own plain run, not the golden's");
  return {cell, Verdict::kNotPromised, drift, output};
}

// Why the bits are not the golden's. The reference runs first: it tells whose fault it is.
std::string Judge::Explain(const Cell& cell, const Golden& golden, const Bitstream* got) {
  const Op& op = *cell.kernel->op;
  if (IsWholeRun(Case::Parse(cell.case_id))) {
    const Digest output = got == nullptr ? Digest{} : DigestOf(*got);
    const auto [a, b] = std::mismatch(output.blocks.begin(), output.blocks.end(),
                                      golden.output.blocks.begin(), golden.output.blocks.end());
    return fmt::format(
        "the run leaves the golden's bits in block {} of {}; the first steps of the "
        "shorter cases tell where",
        a - output.blocks.begin() + 1, golden.output.blocks.size());
  }
  const Cell plain{&Reference(op), cell.case_id, &AllAxes()[0], 1};
  const Bitstream want = Execute(plain);
  if (DigestOf(want) != golden.output) {
    return "the reference itself no longer gives the golden's bits: the golden is stale, or the "
           "toolchain or the contract moved; the kernel is not judged";
  }
  if (got == nullptr)
    return "in a process of its own the kernel gives other bits than the golden's";
  const Problem problem(op, cell.case_id);
  const auto divergence = FirstDivergence(problem.signature().outputs, *got, want);
  return divergence ? "the kernel is wrong: " + Describe(*divergence)
                    : std::string("the digests differ but no element does");
}

Judge::Elsewhere InOwnProcess() {
  return [](const Cell& cell) {
    // In the shell, /proc/self/exe would be the shell.
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string line = fmt::format("'{}' --digest '{}'", self, cell.Id());
    FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start " + line);
    std::string text;
    char piece[512];
    while (std::fgets(piece, sizeof piece, pipe) != nullptr) text += piece;
    if (::pclose(pipe) != 0) throw std::runtime_error(line + " failed");
    const nlohmann::json parsed = nlohmann::json::parse(text);
    return Digest{parsed.at("out"), parsed.at("blocks")};
  };
}

std::string DigestLine(std::string_view cell_id) {
  const Cell cell = ParseCell(cell_id);
  if (std::string reason = cell.kernel->backend->unavailable(); !reason.empty()) {
    throw UnavailableError(reason);
  }
  const Digest digest = DigestOf(Judge::Execute(cell));
  return nlohmann::json{{"out", digest.whole}, {"blocks", digest.blocks}}.dump();
}

}  // namespace samebits
