#include "kernels/core/cpu.h"

#include <algorithm>
#include <atomic>

namespace samebits {
namespace {

Isa Detect() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kBaseline;
}

const Isa kDetected = Detect();
std::atomic<Isa> limit{Isa::kAvx2};

std::string Always() { return {}; }

std::string NeedsAvx2() {
  return kDetected >= Isa::kAvx2 ? "" : "this processor lacks AVX2 or FMA";
}

}  // namespace

Isa BestIsa() { return std::min(kDetected, limit.load()); }

IsaLimit::IsaLimit(Isa most) { limit = most; }
IsaLimit::~IsaLimit() { limit = Isa::kAvx2; }

const Backend kCpu{"cpu", Always};
const Backend kCpuAvx2{"cpu_avx2", NeedsAvx2};

}  // namespace samebits
