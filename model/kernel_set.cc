#include "model/kernel_set.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/rows.h"
#include "kernels/core/steady_choice.h"
#include "kernels/cuda/device_run.h"
#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

// The rows that every operation of a network has, best first; those of devices only by name.
constexpr std::array<std::string_view, 7> kNames = {"avx512",    "avx2", "neon",         "portable",
                                                    "reference", "cuda", "cuda_emulated"};

std::string WhyNot(std::string_view name) {
  const Kernel* kernel = FindKernel(conv2d::kForward, name);
  return kernel == nullptr ? "it is not built for this processor" : kernel->backend->unavailable();
}

// The device that a backend's kernels run on; null: the processor.
const Backend* DeviceOf(const Backend& backend) {
  return &backend == &kCuda || &backend == &kCudaEmulated ? &backend : nullptr;
}

// Of the libraries that promise the claim, those this machine has, for where the tensors lie.
std::vector<const Kernel*> LibrariesFor(const Op& op, Claim claim, const Backend* device) {
  std::vector<const Kernel*> libraries;
  for (const Kernel& row : rows::Comparators()) {
    if (row.op == &op && row.claim >= claim && DeviceOf(*row.backend) == device &&
        row.backend->unavailable().empty()) {
      libraries.push_back(&row);
    }
  }
  return libraries;
}

// Whether an output lies where an input does: then a second run would compute something else.
bool InPlace(const Buffers& buffers) {
  return std::ranges::any_of(buffers.outputs, [&](const void* output) {
    return output != nullptr && std::ranges::find(buffers.inputs, output) != buffers.inputs.end();
  });
}

}  // namespace

KernelSet::KernelSet(std::string_view name, Claim claim) : name_(name), claim_(claim) {
  if (name == "auto") {
    for (const std::string_view candidate : kNames) {
      if (!WhyNot(candidate).empty()) continue;
      name_ = candidate;
      return;
    }
  }
  for (const std::string_view known : kNames) {
    if (name != known) continue;
    if (const std::string reason = WhyNot(name); !reason.empty()) {
      throw UnavailableError(
          fmt::format("--isa {}: {}; take --isa auto for the best of this machine", name, reason));
    }
    return;
  }
  throw UserError(
      fmt::format("--isa {}: not known; there are auto, {}", name, fmt::join(kNames, ", ")));
}

const Backend* KernelSet::device() const { return DeviceOf(*For(conv2d::kForward).backend); }

const Kernel& KernelSet::For(const Op& op) const {
  const Kernel* kernel = FindKernel(op, name_);
  if (kernel == nullptr) throw std::logic_error(fmt::format("{} has no kernel {}", op.name, name_));
  return *kernel;
}

const Kernel& KernelSet::Choose(const Op& op, const Case& c, const Buffers& buffers,
                                Team& team) const {
  const Kernel& ours = For(op);
  if (claim_ == Claim::kEverywhere) return ours;
  std::vector<const Kernel*> libraries = LibrariesFor(op, claim_, device());
  if (libraries.empty() || (claim_ == Claim::kNone && InPlace(buffers))) return ours;
  if (device() != nullptr) return ChooseOnDevice(libraries, ours, c, buffers, team);
  if (claim_ != Claim::kNone) return *libraries.front();
  libraries.push_back(&ours);
  const auto run = [&](std::size_t i) { samebits::Run(*libraries[i], c, buffers, team); };
  return *libraries[FastestOf(libraries.size(), run)];
}

// A library says whether it is there, and has an engine for the case, when it runs.
const Kernel& KernelSet::ChooseOnDevice(std::span<const Kernel* const> libraries,
                                        const Kernel& ours, const Case& c, const Buffers& buffers,
                                        Team& team) const {
  constexpr int kTimes = 16;  // as waiting for the device takes time too
  std::vector<const Kernel*> kernels;
  std::vector<std::unique_ptr<DeviceRun>> runs;
  const auto add = [&](const Kernel& kernel) {
    runs.push_back(std::make_unique<DeviceRun>(kernel, c, buffers, team));
    kernels.push_back(&kernel);
  };
  for (const Kernel* const library : libraries) {
    try {
      add(*library);
    } catch (const UnavailableError&) {
      continue;
    }
    if (claim_ != Claim::kNone) return *library;
  }
  add(ours);
  return *kernels[FastestOf(runs.size(), [&](std::size_t i) { runs[i]->Run(kTimes); })];
}

void KernelSet::Run(const Op& op, const Case& c, const Buffers& buffers, Team& team) const {
  std::optional<SteadyChoice> steady;
  if (claim_ > Claim::kNone) steady.emplace();
  const Kernel& kernel = [&]() -> const Kernel& {
    const std::lock_guard lock(mutex_);
    const Kernel*& chosen = chosen_[&op][c.id()];
    if (chosen == nullptr) chosen = &Choose(op, c, buffers, team);
    return *chosen;
  }();
  samebits::Run(kernel, c, buffers, team);
}

std::map<std::string, std::string> KernelSet::Used() const {
  std::map<std::string, std::string> used;
  for (const auto& [op, cases] : chosen_) {
    std::set<std::string_view> names;
    for (const auto& [c, kernel] : cases) names.insert(kernel->name);
    used[std::string(op->name)] = fmt::to_string(fmt::join(names, ", "));
  }
  return used;
}

Claim KernelSet::WeakestUsed() const {
  Claim weakest = Claim::kEverywhere;
  for (const auto& [op, cases] : chosen_) {
    for (const auto& [c, kernel] : cases) weakest = std::min(weakest, kernel->claim);
  }
  return weakest;
}

}  // namespace samebits
