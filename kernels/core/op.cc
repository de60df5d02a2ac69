#include "kernels/core/op.h"

#include <fmt/format.h>

#include "kernels/convert/stored.h"
#include "kernels/core/error.h"
#include "kernels/core/floating_point.h"

namespace samebits {

std::int64_t Tensor::Elements() const {
  // So that the bytes do not overflow either.
  constexpr std::int64_t kMost = std::int64_t{1} << 56;
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(product, extent, &product) || product > kMost) {
      throw UserError(fmt::format("tensor {}: more elements than any memory holds", name));
    }
  }
  return product;
}

std::string_view ClaimName(Claim claim) {
  switch (claim) {
    case Claim::kNone:
      return "none";
    case Claim::kRun:
      return "run";
    case Claim::kMachine:
      return "machine";
    default:
      return "everywhere";
  }
}

void Run(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team) {
  const FloatingPointScope scope;
  RunAsIs(kernel, c, buffers, team);
}

void RunAsIs(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team) {
  if (kernel.op->may_be_stored && !kernel.takes_stored && convert::IsStored(c)) {
    const convert::Widened wide(kernel, c, buffers, team);
    RunAsIs(kernel, wide.case_of(), wide.buffers(), team);
    return wide.NarrowOutputs(team);
  }
  if (kernel.loaded != nullptr) return kernel.loaded->run(c, buffers, team);
  kernel.run(c, buffers, team);
}

}  // namespace samebits
