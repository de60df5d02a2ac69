#include "conformance/fuzz.h"

#include <algorithm>

#include <fmt/format.h>

#include "conformance/cell_run.h"
#include "conformance/explain.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

constexpr std::int64_t kMostElements = 1 << 17;
constexpr double kMostFlops = 1e7;

// Both sides of the contract's and the kernels' borders: vectors, tiles, chains, partials.
constexpr std::int64_t kBorders[] = {15, 16,  17,  31,  32,   33,   63,  64,
                                     65, 255, 256, 257, 4095, 4096, 4097};

bool IsSmall(const Op& op, const Case& c) {
  const Signature signature = op.signature(c);
  std::int64_t elements = 0;
  for (const auto* tensors : {&signature.inputs, &signature.outputs}) {
    for (const Tensor& tensor : *tensors) elements += tensor.Elements();
  }
  if (elements > kMostElements) return false;
  if (op.flops == nullptr) return true;
  // The reference of dgrad visits the taps that miss the stride, too.
  const std::int64_t stride = c.Get("t", 1);
  const std::int64_t visits = c.Get("th", stride) * c.Get("tw", stride);
  return op.flops(c) * static_cast<double>(visits) <= kMostFlops;
}

struct Held {
  const Op* op;
  std::vector<const Kernel*> kernels;  // those held to its reference
};

std::vector<Held> ByOperation(std::span<const Kernel* const> kernels) {
  std::vector<Held> all;
  for (const Kernel* kernel : kernels) {
    if (kernel->claim != Claim::kEverywhere || kernel->name == "reference") continue;
    if (IsTraining(*kernel->op)) continue;
    auto held = std::find_if(all.begin(), all.end(),
                             [&](const Held& other) { return other.op == kernel->op; });
    if (held == all.end()) held = all.insert(held, {kernel->op, {}});
    held->kernels.push_back(kernel);
  }
  return all;
}

// Any setting that the gate would try on a case like this; a process of its own is too slow.
Cell AnyCell(const Kernel& kernel, const std::string& case_id, std::mt19937_64& random) {
  const Case like_those_of_the_plan = Case::Parse(case_id).With("seed", 812);
  std::vector<Cell> cells;
  for (const Axis& axis : AllAxes()) {
    if (axis.name == "process" || !axis.why_not(kernel).empty()) continue;
    for (const int point : axis.points(kernel, like_those_of_the_plan)) {
      cells.push_back({&kernel, case_id, &axis, point});
    }
  }
  return cells[random() % cells.size()];
}

// What is wrong with the cell's bits; empty when nothing is.
std::string Fault(const Cell& cell, const Bitstream& want) {
  CellRun run(cell);
  const Bitstream got = run.Once();
  std::string fault;
  if (!run.fault().empty()) {
    fault = "the kernel " + run.fault();
  } else if (const auto difference = Explain(cell, got, want)) {
    fault = Describe(*difference);
  } else {
    return {};
  }
  return fmt::format("{}: {}\n  repeat: samebits explain '{}'", cell.Id(), fault, cell.Id());
}

}  // namespace

CaseMaker::CaseMaker(const Op& op, std::uint64_t seed) : op_(op), random_(seed) {
  for (const std::string_view id : op.cases) {
    Case c = Case::Parse(id);
    if (!IsStored(op, c)) listed_.push_back(std::move(c));
  }
}

std::int64_t CaseMaker::Number(std::int64_t listed) {
  if (Chance(30)) return listed;
  if (Chance(15)) return OneOf(kBorders);
  const std::int64_t most = Chance(60) ? 8 : 72;
  return 1 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most));
}

std::string CaseMaker::Attempt() {
  const Case& listed = OneOf(listed_);
  std::string id;
  for (const auto& [setting, value] : listed.settings()) {
    id += fmt::format("{}{}", setting, Number(value));
  }
  // One setting of another case, such as a stride.
  if (const auto& other = OneOf(OneOf(listed_).settings());
      listed.Get(other.first, -1) == -1 && Chance(50)) {
    id += fmt::format("{}{}", other.first, Number(other.second));
  }
  const auto inputs = InputWords();
  for (const std::string& word : listed.words()) {
    if (std::find(inputs.begin(), inputs.end(), word) == inputs.end()) id += "_" + word;
  }
  if (Chance(60)) id += fmt::format("_{}", OneOf(inputs));
  // Any shape may lie in 16 bits.
  if (op_.may_be_stored && Chance(20)) id += Chance(50) ? "_bfloat16" : "_float16";
  return fmt::format("{}_seed{}", id, random_() >> 33);
}

std::string CaseMaker::Next() {
  while (true) {
    const std::string id = Attempt();
    try {
      if (IsSmall(op_, Case::Parse(id))) return id;
    } catch (const UserError&) {  // none of the operation's: a filter larger than its image
    }
  }
}

FuzzReport Fuzz(std::span<const Kernel* const> kernels, const FuzzOptions& options) {
  FuzzReport report;
  std::mt19937_64 random(options.seed);
  const std::vector<Held> operations = ByOperation(kernels);
  std::vector<CaseMaker> makers;
  for (const Held& held : operations) makers.emplace_back(*held.op, random());
  while (report.cases < options.cases) {
    const std::size_t turn = static_cast<std::size_t>(report.cases) % operations.size();
    const std::string case_id = makers[turn].Next();
    const Cell reference{&Reference(*operations[turn].op), case_id, &AllAxes()[0], 1};
    const Bitstream want = Judge::Execute(reference);
    ++report.cases;
    for (const Kernel* kernel : operations[turn].kernels) {
      const Cell cell = AnyCell(*kernel, case_id, random);
      if (!UnavailableReason(cell).empty()) continue;
      ++report.cells;
      if (report.failure = Fault(cell, want); !report.failure.empty()) return report;
    }
    if (options.progress) options.progress(report);
  }
  return report;
}

}  // namespace samebits
