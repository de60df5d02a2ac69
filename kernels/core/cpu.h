// What this processor can run, and the backends of the CPU kernels.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/target.h"

namespace samebits {

// The instruction sets that files are built for, each including those before it.
enum class Isa : int { kBaseline, kAvx2, kAvx512 };

// The best one of this processor and operating system, capped by IsaLimit.
Isa BestIsa();

// Caps BestIsa() for the whole process while it lives, so that the plain code of an older
// processor can be tested on a newer one. One at a time, outside of kernels.
class IsaLimit {
 public:
  explicit IsaLimit(Isa most);
  ~IsaLimit();
  IsaLimit(const IsaLimit&) = delete;
  IsaLimit& operator=(const IsaLimit&) = delete;
};

extern const Backend kCpu;
extern const Backend kCpuAvx2;
extern const Backend kCpuAvx512;
// Part of arm64's baseline: the rows of plain sources name the baseline build.
extern const Backend kCpuNeon;

// Runs the best of one plain source's builds.
template <KernelFunction* baseline, KernelFunction* avx2, KernelFunction* avx512>
void Best(const Case& c, const Buffers& buffers, Team& team) {
  switch (BestIsa()) {
    case Isa::kAvx512:
      return avx512(c, buffers, team);
    case Isa::kAvx2:
      return avx2(c, buffers, team);
    default:
      return baseline(c, buffers, team);
  }
}

// For functions that take the shape of the case.
template <auto shape_of, auto function>
void WithShape(const Case& c, const Buffers& buffers, Team& team) {
  function(shape_of(c), buffers, team);
}

}  // namespace samebits
