#include "kernels/core/cpu.h"

#include <algorithm>
#include <atomic>

namespace samebits {
namespace {

Isa Detect() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kBaseline;
}

const Isa kDetected = Detect();
std::atomic<Isa> limit{Isa::kAvx512};

std::string Always() { return {}; }

std::string NeedsAvx2() {
  return kDetected >= Isa::kAvx2 ? "" : "this processor lacks AVX2 or FMA";
}

std::string NeedsAvx512() {
  return kDetected >= Isa::kAvx512 ? "" : "this processor lacks AVX-512 (F, DQ, BW, VL)";
}

std::string NeedsArm64() {
#if defined(__aarch64__)
  return {};
#else
  return "this processor is not an arm64, so it lacks NEON";
#endif
}

}  // namespace

Isa BestIsa() { return std::min(kDetected, limit.load()); }

IsaLimit::IsaLimit(Isa most) { limit = most; }
IsaLimit::~IsaLimit() { limit = Isa::kAvx512; }

const Backend kCpu{"cpu", Always};
const Backend kCpuAvx2{"cpu_avx2", NeedsAvx2};
const Backend kCpuAvx512{"cpu_avx512", NeedsAvx512};
const Backend kCpuNeon{"cpu_neon", NeedsArm64};

}  // namespace samebits
