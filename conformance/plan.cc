#include "conformance/plan.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "kernels/convert/stored.h"
#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

// Why an axis says nothing of a kernel.
constexpr std::string_view kReference = "the reference is one thread of plain loops";
constexpr std::string_view kOneIsa = "written for one instruction set, or chooses by itself";
constexpr std::string_view kEmulated = "emulated, at no speed: other kernels are crossed with it";
constexpr std::string_view kDevice = "runs on a device, whose threads are its own";
constexpr std::string_view kOrderOfDevice = "its threads are not emulated, so nothing orders them";
constexpr std::string_view kNoGpu = "runs on no GPU that a second stream could share";
constexpr std::string_view kNoPromise = "promises nothing beyond its own process";
constexpr std::string_view kTraining = "a training run, whose operations are crossed with it";
constexpr std::string_view kNoLeaves = "its outputs are no sums over the batch";
constexpr std::string_view kNoPipeline = "no data pipeline feeds it";
constexpr std::string_view kNoSamples = "its outputs do not fall into samples that stand alone";

constexpr std::string_view kNoRanks = "predicts, or is a library that has threads of its own";

bool IsReference(const Kernel& kernel) { return kernel.name == "reference"; }

// Held to its own plain run and to no golden.
bool IsComparator(const Kernel& kernel) { return kernel.claim < Claim::kEverywhere; }

std::string_view Always(const Kernel&) { return {}; }

bool IsOnDevice(const Kernel& kernel) {
  return kernel.backend == &kCuda || kernel.backend == &kCudaEmulated;
}

std::string_view UnlessReference(const Kernel& kernel) {
  return IsReference(kernel) ? kReference : std::string_view();
}

std::string_view IfThreads(const Kernel& kernel) {
  return IsOnDevice(kernel) ? kDevice : UnlessReference(kernel);
}

std::string_view IfEmulated(const Kernel& kernel) {
  return kernel.backend == &kCudaEmulated ? std::string_view() : kOrderOfDevice;
}

std::string_view IfPromised(const Kernel& kernel) {
  if (IsEmulation(kernel) && IsTraining(*kernel.op)) return kEmulated;
  if (kernel.claim != Claim::kEverywhere) return kNoPromise;
  return UnlessReference(kernel);
}

// Plain code is built for every ISA and picks the best at run time, as libraries do: force the
// others.
std::string_view IfIsaChosen(const Kernel& kernel) {
  if (kernel.name == "portable") return {};
  if (kernel.backend->isa_environment != nullptr) {
    return IsTraining(*kernel.op) ? kTraining : std::string_view();
  }
  return IsReference(kernel) ? kReference : kOneIsa;
}

std::string_view UnlessTraining(const Kernel& kernel) {
  return IsTraining(*kernel.op) ? kTraining : UnlessReference(kernel);
}

std::string_view IfOnGpu(const Kernel& kernel) {
  return kernel.backend == &kCuda ? UnlessTraining(kernel) : kNoGpu;
}

// The caller's state and scratch memory of this processor.
std::string_view IfOnCpu(const Kernel& kernel) {
  return IsOnDevice(kernel) ? kDevice : UnlessTraining(kernel);
}

std::string_view IfSamples(const Kernel& kernel) {
  if (!kernel.op->splits_batch) return IsTraining(*kernel.op) ? kTraining : kNoSamples;
  return UnlessReference(kernel);
}

std::string_view IfLeaves(const Kernel& kernel) {
  if (!kernel.op->sums_leaves) return IsTraining(*kernel.op) ? kTraining : kNoLeaves;
  return UnlessReference(kernel);
}

// Sums over leaves, and what trains by our own trainer.
std::string_view IfRanks(const Kernel& kernel) {
  if (IsEmulation(kernel) && IsTraining(*kernel.op)) return kEmulated;
  if (IsComparator(kernel)) return kNoRanks;
  if (!IsTraining(*kernel.op)) return IfLeaves(kernel);
  const bool trains = Case::Parse(kernel.op->cases.back()).Get("steps") > 0;
  return trains ? UnlessReference(kernel) : kNoRanks;
}

std::string_view IfPipeline(const Kernel& kernel) {
  return kernel.op->has_pipeline ? IfPromised(kernel) : kNoPipeline;
}

// Minutes where fma is a function: plain loops, and a baseline without it. Shorter cases have
// those, and of thirty steps one seed.
bool IsLongTraining(const Case& c) {
  const std::int64_t steps = c.Get("steps", 0);
  return steps * c.Get("b", 0) >= 1500 || (steps >= 30 && c.Seed() != 812);
}

// A timed case takes seconds where a kernel is not fast. The reference wrote its golden, twice, and
// does not run it again; nor do the kernels that only show another ISA's logic, which are never
// timed. Plain code runs it once, with what vectors there are; every timed kernel runs it with each
// number of threads it is timed with. Nothing else is crossed with it: the axes' borders lie at
// shapes, and the other cases are chosen for those.
// Emulated kernels train a few steps.
bool IsTooLong(const Kernel& kernel, const Case& c) {
  if (IsEmulation(kernel) && IsTraining(*kernel.op) && c.Get("steps", 4) > 3) return true;
  return IsTimed(*kernel.op, c) && (IsReference(kernel) || IsEmulation(kernel));
}

// Training takes the reference seconds, so it runs it once. A whole training run is run by the
// kernels that did not propose its golden, with threads. Comparators have one seed: what they do
// with a case is recorded, and other values would record the same.
std::vector<int> RunPoints(const Kernel& kernel, const Case& c) {
  if (IsWholeRun(c)) {
    return kernel.backend == &kCuda ? std::vector<int>{1} : std::vector<int>{};
  }
  if (IsTooLong(kernel, c) || (IsComparator(kernel) && c.Seed() != 812)) return {};
  if (IsTimed(*kernel.op, c)) return {1};
  if (IsEmulation(kernel) && IsTraining(*kernel.op)) return {1};
  if (!IsReference(kernel)) return {1, 2};
  if (IsLongTraining(c)) return {};
  return IsTraining(*kernel.op) ? std::vector<int>{1} : std::vector<int>{1, 2};
}

std::vector<int> ProcessPoints(const Kernel& kernel, const Case& c) {
  if (IsWholeRun(c) || c.Seed() != 812 || IsTimed(*kernel.op, c)) return {1};
  if (IsStored(*kernel.op, c)) return {1};
  return {1, 2};
}

// Many axes say the same with every seed, and little of long cases.
bool IsWorthMore(const Op& op, const Case& c) {
  return c.Seed() == 812 && !IsTimed(op, c) && !IsTraining(op);
}

std::vector<int> ThreadsPoints(const Kernel& kernel, const Case& c) {
  if (IsWholeRun(c)) {
    if (kernel.name == "portable" || IsComparator(kernel)) return {1};
    return {1, 2};
  }
  if (IsTimed(*kernel.op, c)) {
    if (kernel.name == "portable" || IsTooLong(kernel, c)) return {1};
    return {1, 2};
  }
  if (IsStored(*kernel.op, c)) return {1, 2, 3};
  // Their pools of threads take longer to start than ours; two and three tell.
  if (IsComparator(kernel))
    return c.Seed() == 812 ? std::vector<int>{1, 2, 3} : std::vector<int>{1};
  // 64 threads take longer to start than most cases to run.
  if (!IsWorthMore(*kernel.op, c)) return {1, 2, 3, 7};
  return {1, 2, 3, 7, 64};
}

std::vector<int> IsaPoints(const Kernel& kernel, const Case& c) {
  if (IsWholeRun(c) || IsTimed(*kernel.op, c)) return {0};
  // Each starts a process.
  if (IsComparator(kernel) && !IsWorthMore(*kernel.op, c)) return {0};
  if (IsLongTraining(c)) return {0, 256, 512};
  return {0, 128, 256, 512};
}

// Tensors off the alignment of vectors and cache lines: floats by 4, 12 and 60 bytes, bytes by odd
// counts.
std::vector<int> AlignmentPoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {0};
  return {0, 1, 3, 15};
}

std::vector<int> FloatStatePoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {1};
  return {1, 2, 3, 4};
}

// Nothing of a kernel should know the locale: one case of each tells.
std::vector<int> LocalePoints(const Kernel& kernel, const Case& c) {
  if (c.id() != StoredCaseId(*kernel.op, 812)) return {1};
  return {1, 2};
}

std::vector<int> ScratchPoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {1};
  return {1, 2};
}

std::vector<int> BatchPoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {0};
  std::vector<int> points = {0};
  for (int samples = 1; samples <= 3 && samples < c.Get("n"); ++samples) points.push_back(samples);
  return points;
}

// Up to one leaf each, and a number that is no power of two.
std::vector<int> WorkersPoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {1};
  return {1, 2, 3, 8};
}

// One to a leaf, and numbers that do not divide the leaves.
std::vector<int> RanksPoints(const Kernel& kernel, const Case& c) {
  const bool trains = IsTraining(*kernel.op);
  if (trains ? IsWholeRun(c) || c.Seed() != 812 : !IsWorthMore(*kernel.op, c)) return {1};
  // Plain code trains slowly where fma is a function: the short case tells.
  if (trains && kernel.name == "portable" && c.Get("steps") >= 8) return {1, 3};
  std::vector<int> points;
  for (const int ranks : trains ? std::vector{1, 2, 3, 4, 5, 7, 8} : std::vector{1, 2, 3, 8}) {
    if (ranks <= c.Get("v", kLeaves)) points.push_back(ranks);
  }
  return points;
}

// Three ranks, that hold up to two subtrees each in order, and more otherwise.
constexpr int kMappedRanks = 3;

std::vector<int> MapPoints(const Kernel& kernel, const Case& c) {
  const std::vector<int> ranks = RanksPoints(kernel, c);
  if (std::ranges::find(ranks, kMappedRanks) == ranks.end()) return {1};
  return {1, 2, 3};
}

// Forward, in reverse, and 20 random orders; two tell what moves.
std::vector<int> SchedulePoints(const Kernel& kernel, const Case& c) {
  std::vector<int> points = {0};
  if (IsTraining(*kernel.op) && c.Seed() == 812 && !IsTooLong(kernel, c)) return {0, 1, 2};
  if (!IsWorthMore(*kernel.op, c)) return points;
  if (IsComparator(kernel)) return {0, 1, 2};
  const int most = IsStored(*kernel.op, c) ? 3 : 22;
  for (int schedule = 1; schedule < most; ++schedule) points.push_back(schedule);
  return points;
}

std::vector<int> ContentionPoints(const Kernel& kernel, const Case& c) {
  if (!IsWorthMore(*kernel.op, c)) return {1};
  return {1, 2};
}

// Ten times the threads that prepare batches, and how many batches ahead: none but the consumer's
// own; fewer and more than there are threads; more than there are batches.
std::vector<int> PipelinePoints(const Kernel& kernel, const Case& c) {
  if (IsTimed(*kernel.op, c) || IsWholeRun(c) || c.Seed() != 812) {
    return {12};
  }
  if (IsTraining(*kernel.op)) return {12, 1, 35};
  return {12, 1, 11, 35, 71, 29};
}

constexpr Axis kAxes[] = {
    {"run", 1, 4096, Always, RunPoints, [](int point, Setting& s) { s.repeats = point; }},
    {"process", 1, 2, IfPromised, ProcessPoints,
     [](int point, Setting& s) { s.process = point > 1; }},
    {"threads", 1, 1024, IfThreads, ThreadsPoints,
     [](int point, Setting& s) { s.threads = point; }},
    {"isa", 0, 512, IfIsaChosen, IsaPoints, [](int point, Setting& s) { s.isa_bits = point; }},
    {"alignment", 0, 63, UnlessTraining, AlignmentPoints,
     [](int point, Setting& s) { s.offset = point; }},
    {"floatstate", 1, 4, IfOnCpu, FloatStatePoints,
     [](int point, Setting& s) {
       s.caller = static_cast<CallerState>(point);
       s.threads = 2;  // the second starts with the caller's state
     }},
    {"locale", 1, 2, UnlessTraining, LocalePoints,
     [](int point, Setting& s) { s.comma_locale = point > 1; }},
    {"scratch", 1, 2, IfOnCpu, ScratchPoints,
     [](int point, Setting& s) { s.poison_scratch = point > 1; }},
    {"batch", 0, 4096, IfSamples, BatchPoints, [](int point, Setting& s) { s.piece = point; }},
    {"pipeline", 1, 99, IfPipeline, PipelinePoints,
     [](int point, Setting& s) { s.map_threads = point / 10, s.prefetch = point % 10; }},
    {"workers", 1, 4096, IfLeaves, WorkersPoints, [](int point, Setting& s) { s.workers = point; }},
    {"ranks", 1, 4096, IfRanks, RanksPoints, [](int point, Setting& s) { s.ranks = point; }},
    {"map", 1, std::size(kMappings), IfRanks, MapPoints,
     [](int point, Setting& s) {
       s.mapping = static_cast<Mapping>(point);
       s.ranks = point == 1 ? 1 : kMappedRanks;
     }},
    {"schedule", 0, 1 << 20, IfEmulated, SchedulePoints,
     [](int point, Setting& s) { s.schedule = point; }},
    {"contention", 1, 2, IfOnGpu, ContentionPoints,
     [](int point, Setting& s) { s.contention = point > 1, s.repeats = point > 1 ? 8 : 1; }},
};

}  // namespace

bool IsTimed(const Op& op, const Case& c) {
  const auto among = [&](std::span<const std::string_view> cases) {
    return std::any_of(cases.begin(), cases.end(), [&](std::string_view listed) {
      return c.id().starts_with(fmt::format("{}_seed", listed));
    });
  };
  return among(op.timed_cases) && !among(op.cases);
}

bool IsEmulation(const Kernel& kernel) {
  return kernel.name.find("_on_") != kernel.name.npos || kernel.backend == &kCudaEmulated;
}

bool IsStored(const Op& op, const Case& c) { return op.may_be_stored && convert::IsStored(c); }

bool IsTraining(const Op& op) { return Case::Parse(op.cases[0]).Get("steps", -1) >= 0; }

bool IsWholeRun(const Case& c) { return c.Get("epochs", 0) > 0; }

bool IsForDevices(const Op& op, const Case& c) {
  return op.flops != nullptr && IsTimed(op, c) && op.flops(c) > 1e11;
}

bool IsTooLongForReference(const Op& op, const Case& c) {
  return IsWholeRun(c) || IsForDevices(op, c);
}

std::span<const Axis> AllAxes() { return kAxes; }

std::string Cell::Id() const {
  return fmt::format("{}/{}@{}#{}={}", kernel->op->name, case_id, kernel->name, axis->name, point);
}

Setting Cell::SettingOf() const {
  Setting setting;
  axis->apply(point, setting);
  // A library asks once, when it starts.
  setting.process |= setting.isa_bits > 0 && kernel->backend->isa_environment != nullptr;
  return setting;
}

std::vector<std::string> CaseIds(const Op& op) {
  std::vector<std::string> ids;
  for (const std::string_view c : op.cases) {
    for (const std::int64_t seed : kSeeds) ids.push_back(fmt::format("{}_seed{}", c, seed));
  }
  for (const std::string_view c : op.timed_cases) {
    // A timed case may be among those that stress the order.
    const bool listed = std::find(op.cases.begin(), op.cases.end(), c) != op.cases.end();
    if (!listed) ids.push_back(fmt::format("{}_seed812", c));
  }
  return ids;
}

bool IsQuick(const Cell& cell) {
  const Case c = Case::Parse(cell.case_id);
  if (c.Seed() != 812 || IsWholeRun(c) || IsTimed(*cell.kernel->op, c)) return false;
  // Processes and many threads take longer to start than kernels to run: one case of each tells.
  const bool starts_much =
      cell.axis->name == "process" || (cell.axis->name == "threads" && cell.point > 7);
  if (starts_much && cell.case_id != StoredCaseId(*cell.kernel->op, 812)) return false;
  if (cell.axis->name == "schedule" && cell.point > 2) return false;
  const bool fast = cell.kernel->name != "reference" && cell.kernel->name != "portable";
  return fast || !IsTraining(*cell.kernel->op);
}

bool MatchesFilter(const std::string& cell_id, const std::string& filter) {
  return filter.empty() || fnmatch(filter.c_str(), cell_id.c_str(), 0) == 0;
}

std::string StoredCaseId(const Op& op, std::int64_t seed) {
  return fmt::format("{}_seed{}", op.cases[std::min<std::size_t>(1, op.cases.size() - 1)], seed);
}

std::vector<Cell> Plan(std::span<const Kernel* const> kernels) {
  std::vector<Cell> cells;
  for (const Kernel* kernel : kernels) {
    for (const std::string& case_id : CaseIds(*kernel->op)) {
      const Case c = Case::Parse(case_id);
      // Libraries have ways of their own to store in 16 bits: ours would say nothing of theirs.
      if (IsComparator(*kernel) && IsStored(*kernel->op, c)) continue;
      if (IsForDevices(*kernel->op, c) && kernel->backend != &kCuda) continue;
      for (const Axis& axis : kAxes) {
        if (!axis.why_not(*kernel).empty()) continue;
        const std::vector<int> points = axis.points(*kernel, c);
        // The plain run is the first point of every axis: once is enough.
        const std::size_t first = &axis == kAxes ? 0 : 1;
        for (std::size_t i = first; i < points.size(); ++i) {
          cells.push_back({kernel, case_id, &axis, points[i]});
        }
      }
    }
  }
  return cells;
}

Cell ParseCell(std::string_view id) {
  const auto fail = [&](std::string_view what) {
    return UserError(
        fmt::format("cell '{}': {}; a cell reads like "
                    "dense_fwd_v1/n64c64_k10_seed812@avx2#threads=2",
                    id, what));
  };
  const std::size_t slash = id.find('/'), at = id.find('@'), hash = id.find('#'),
                    equals = id.find('=');
  if (slash == id.npos || at == id.npos || hash == id.npos || equals == id.npos || slash > at ||
      at > hash || hash > equals) {
    throw fail("not of the form operation/case@kernel#axis=point");
  }
  const Op* op = FindOp(id.substr(0, slash));
  if (op == nullptr) throw fail("no such operation");
  const Kernel* kernel = FindKernel(*op, id.substr(at + 1, hash - at - 1));
  if (kernel == nullptr) throw fail("the operation has no such kernel");
  const std::string_view axis_name = id.substr(hash + 1, equals - hash - 1);
  const auto axis = std::find_if(std::begin(kAxes), std::end(kAxes),
                                 [&](const Axis& a) { return a.name == axis_name; });
  if (axis == std::end(kAxes)) throw fail("no such axis");
  if (const auto reason = axis->why_not(*kernel); !reason.empty()) {
    throw fail(fmt::format("{} has no axis {}: {}", kernel->name, axis->name, reason));
  }
  Cell cell{kernel, std::string(id.substr(slash + 1, at - slash - 1)), axis, 0};
  const auto parsed = std::from_chars(id.data() + equals + 1, id.data() + id.size(), cell.point);
  if (parsed.ec != std::errc() || parsed.ptr != id.data() + id.size() || cell.point < axis->least ||
      cell.point > axis->most) {
    throw fail(fmt::format("the point is not a number from {} to {}", axis->least, axis->most));
  }
  Case::Parse(cell.case_id);
  return cell;
}

}  // namespace samebits
