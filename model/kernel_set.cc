#include "model/kernel_set.h"

#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

// The rows that every operation has, best first.
constexpr std::array<std::string_view, 5> kNames = {"avx512", "avx2", "neon", "portable",
                                                    "reference"};

std::string WhyNot(std::string_view name) {
  const Kernel* kernel = FindKernel(conv2d::kForward, name);
  return kernel == nullptr ? "it is not built for this processor" : kernel->backend->unavailable();
}

}  // namespace

KernelSet::KernelSet(std::string_view name) : name_(name) {
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
  throw UserError(fmt::format(
      "--isa {}: not known; there are auto, reference, portable, avx2, avx512, neon", name));
}

const Kernel& KernelSet::For(const Op& op) const {
  const Kernel* kernel = FindKernel(op, name_);
  if (kernel == nullptr) throw std::logic_error(fmt::format("{} has no kernel {}", op.name, name_));
  return *kernel;
}

}  // namespace samebits
