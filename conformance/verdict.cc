#include "conformance/verdict.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/cell_run.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/steady_choice.h"

namespace samebits {
namespace {

struct Runs {
  Bitstream first;
  std::optional<Bitstream> other;  // of a repetition that did not give the bits of the first run
};

Runs RunAll(CellRun& run, int repeats) {
  Runs runs{run.Once(), std::nullopt};
  for (int i = 1; i < repeats && !runs.other; ++i) {
    if (Bitstream next = run.Once(); next != runs.first) runs.other = std::move(next);
  }
  return runs;
}

Outcome Mismatch(const Cell& cell, std::string reason, Digest output) {
  return {cell, Verdict::kMismatch, std::move(reason), std::move(output), {}};
}

constexpr const char* kOwnBits = "the bits of its own plain run, not the golden's";

// What another process needs to know the kernel.
std::string LibraryOption(const Kernel& kernel) {
  return kernel.loaded == nullptr ? "" : fmt::format(" --library '{}'", kernel.loaded->library);
}

// Whether the kernel's claim covers the axis.
bool Promised(const Cell& cell) {
  if (cell.kernel->claim == Claim::kEverywhere) return true;
  const bool same_settings =
      cell.axis->name == "run" || cell.axis->name == "process" || cell.axis->name == "contention";
  return same_settings && cell.point > 1
             ? cell.kernel->claim >= Claim::kRun
             : cell.axis->name != "run" && cell.kernel->claim >= Claim::kMachine;
}

}  // namespace

std::string RepeatCommand(const Cell& cell) {
  return fmt::format("samebits explain '{}'{}", cell.Id(), LibraryOption(*cell.kernel));
}

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
  nlohmann::json json = {{"cell", outcome.cell.Id()},
                         {"claim", ClaimName(outcome.cell.kernel->claim)},
                         {"verdict", VerdictName(outcome.verdict)},
                         {"reason", outcome.reason},
                         {"out", outcome.output.whole}};
  if (outcome.difference) json["difference"] = JsonOf(*outcome.difference);
  if (outcome.moved) json["moved"] = true;
  return json;
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
  CellRun run(cell);
  Bitstream bits = run.Once();
  if (!run.fault().empty()) {
    throw std::runtime_error(fmt::format("{}: the kernel {}", cell.Id(), run.fault()));
  }
  return bits;
}

Outcome Judge::Evaluate(const Cell& cell) {
  try {
    return Compare(cell);
  } catch (const UnavailableError& error) {  // data that is not installed
    return {cell, Verdict::kUnavailable, error.what(), {}, {}};
  }
}

Outcome Judge::Compare(const Cell& cell) {
  const Kernel& kernel = *cell.kernel;
  if (std::string reason = UnavailableReason(cell); !reason.empty()) {
    return {cell, Verdict::kUnavailable, std::move(reason), {}, {}};
  }
  const GoldenFile& goldens = GoldensOf(*kernel.op);
  const auto mismatch = [&](std::string reason, Digest output) {
    return Mismatch(cell, std::move(reason), std::move(output));
  };
  if (!goldens.fault().empty()) return mismatch(goldens.fault(), {});
  CellRun run(cell);
  const Golden* golden = goldens.Find(cell.case_id);
  if (golden == nullptr) {
    return {cell,
            Verdict::kNoGolden,
            fmt::format("{} has no line for {}; write it on purpose: samebits golden propose '{}'",
                        GoldenFile::PathOf(directory_, *kernel.op).string(), cell.case_id,
                        kernel.op->name),
            {},
            {}};
  }
  if (run.problem().InputDigest() != golden->input) {
    return mismatch(
        "golden stale: the inputs of this case are no longer those the golden was "
        "made from; the generator moved, not the kernel",
        {});
  }
  if (cell.SettingOf().process) return CompareElsewhere(run, cell, *golden);
  const Runs runs = RunAll(run, cell.SettingOf().repeats);
  // Of two runs that differ, at least one is not the golden: that one is judged.
  const bool judge_other = runs.other && DigestOf(runs.first) == golden->output;
  const Bitstream& got = judge_other ? *runs.other : runs.first;
  const Digest output = DigestOf(got);
  if (!run.fault().empty()) return mismatch("the kernel " + run.fault(), output);
  if (output == golden->output) return {cell, Verdict::kMatch, "", output, {}};
  if (Promised(cell) && kernel.claim == Claim::kEverywhere) {
    return WhyNot(mismatch("", output), *golden, got);
  }
  // A comparator is held to its own plain run, not to the golden.
  const Bitstream plain =
      runs.other ? runs.first : Execute({cell.kernel, cell.case_id, &AllAxes()[0], 1});
  const auto own =
      FirstDivergence(run.problem().signature().outputs, runs.other ? *runs.other : got, plain);
  if (own && Promised(cell)) return mismatch("breaks its own claim: " + Describe(*own), output);
  const std::string drift =
      own ? "against its own plain run, " + Describe(*own) : std::string(kOwnBits);
  return {cell, Verdict::kNotPromised, drift, output, {}, own.has_value()};
}

Outcome Judge::CompareElsewhere(CellRun& run, const Cell& cell, const Golden& golden) {
  Digest output;
  try {
    output = elsewhere_(cell);
  } catch (const UnavailableError&) {
    throw;
  } catch (const std::runtime_error& error) {
    return Mismatch(cell, error.what(), {});
  }
  if (output == golden.output) return {cell, Verdict::kMatch, "", output, {}};
  if (cell.kernel->claim < Claim::kEverywhere) {
    const Cell plain{cell.kernel, cell.case_id, cell.axis, 0};
    const auto [own, fresh] = plain_elsewhere_.try_emplace(plain.Id());
    if (fresh) own->second = elsewhere_(plain);
    const bool moved = output != own->second;
    return {cell,
            Verdict::kNotPromised,
            moved ? "other bits than its own plain run, each in a process of its own" : kOwnBits,
            output,
            {},
            moved};
  }
  const Bitstream here = run.Once();
  if (DigestOf(here) != golden.output) return WhyNot(Mismatch(cell, "", output), golden, here);
  return Mismatch(cell, "the kernel gives other bits in a process of its own, and only there",
                  output);
}

// Says why the bits are not the golden's. The reference runs first: it tells whose fault it is.
Outcome Judge::WhyNot(Outcome outcome, const Golden& golden, const Bitstream& got) {
  const Cell& cell = outcome.cell;
  if (IsTooLongForReference(*cell.kernel->op, Case::Parse(cell.case_id))) {
    const auto [a, b] = std::mismatch(outcome.output.blocks.begin(), outcome.output.blocks.end(),
                                      golden.output.blocks.begin(), golden.output.blocks.end());
    outcome.reason =
        fmt::format("the bits leave the golden's in block {} of {}; shorter cases tell where",
                    a - outcome.output.blocks.begin() + 1, golden.output.blocks.size());
    return outcome;
  }
  const Bitstream want = Execute({&Reference(*cell.kernel->op), cell.case_id, &AllAxes()[0], 1});
  if (DigestOf(want) != golden.output) {
    outcome.reason =
        "the reference itself no longer gives the golden's bits: the golden is stale, or the "
        "toolchain or the contract moved; the kernel is not judged";
  } else if (outcome.difference = Explain(cell, got, want); outcome.difference) {
    outcome.reason = "the kernel is wrong: " + Describe(*outcome.difference);
  } else {
    outcome.reason = "the digests differ but no element does";
  }
  return outcome;
}

Judge::Elsewhere InOwnProcess() {
  return [](const Cell& cell) {
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    const std::filesystem::path gate = self.parent_path() / "samebits_conformance";
    const int bits = cell.SettingOf().isa_bits;
    const auto isa_environment = cell.kernel->backend->isa_environment;
    const std::string line =
        fmt::format("{} '{}' --digest '{}'{}",
                    bits > 0 && isa_environment != nullptr ? isa_environment(bits) : "",
                    gate.string(), cell.Id(), LibraryOption(*cell.kernel));
    FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start " + line);
    std::string text;
    char piece[512];
    while (std::fgets(piece, sizeof piece, pipe) != nullptr) text += piece;
    if (::pclose(pipe) != 0) throw std::runtime_error(line + " failed");
    const nlohmann::json parsed = nlohmann::json::parse(text);
    if (parsed.contains("unavailable")) throw UnavailableError(parsed.at("unavailable"));
    if (parsed.contains("fault")) throw std::runtime_error(parsed.at("fault"));
    return Digest{parsed.at("out"), parsed.at("blocks")};
  };
}

std::string DigestLine(std::string_view cell_id) {
  const Cell cell = ParseCell(cell_id);
  if (const std::string reason = UnavailableReason(cell); !reason.empty()) {
    return nlohmann::json{{"unavailable", reason}}.dump();
  }
  try {
    const SteadyChoice steady;  // what is compared is made in several processes
    const Digest digest = DigestOf(Judge::Execute(cell));
    return nlohmann::json{{"out", digest.whole}, {"blocks", digest.blocks}}.dump();
  } catch (const UnavailableError& error) {
    return nlohmann::json{{"unavailable", error.what()}}.dump();
  } catch (const std::runtime_error& error) {
    return nlohmann::json{{"fault", error.what()}}.dump();
  }
}

}  // namespace samebits
