#include "kernels/core/floating_point.h"

#include <cfenv>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace samebits {

#if defined(__x86_64__)

namespace {
constexpr unsigned kMxcsrDefault = 0x1f80;  // all exceptions masked, nearest even, no FTZ, no DAZ
}

std::uint64_t FloatingPointControl() { return _mm_getcsr(); }

FloatingPointScope::FloatingPointScope() : former_(_mm_getcsr()) { _mm_setcsr(kMxcsrDefault); }
FloatingPointScope::~FloatingPointScope() { _mm_setcsr(static_cast<unsigned>(former_)); }

#elif defined(__aarch64__)

namespace {

std::uint64_t ReadFpcr() {
  std::uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}

void WriteFpcr(std::uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }

}  // namespace

std::uint64_t FloatingPointControl() { return ReadFpcr(); }

FloatingPointScope::FloatingPointScope() : former_(ReadFpcr()) { WriteFpcr(0); }
FloatingPointScope::~FloatingPointScope() { WriteFpcr(former_); }

#else

std::uint64_t FloatingPointControl() { return 0; }

FloatingPointScope::FloatingPointScope() : former_(static_cast<std::uint64_t>(std::fegetround())) {
  std::fesetround(FE_TONEAREST);
}
FloatingPointScope::~FloatingPointScope() { std::fesetround(static_cast<int>(former_)); }

#endif

}  // namespace samebits
