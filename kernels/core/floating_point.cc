#include "kernels/core/floating_point.h"

#include <cfenv>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace samebits {

#if defined(__x86_64__)

namespace {

constexpr std::uint64_t kContract = 0x1f80;  // all exceptions masked, nearest even, no FTZ, no DAZ
constexpr std::uint64_t kFlush = 0x8040;     // FTZ, DAZ
constexpr std::uint64_t kSticky = 0x3f;

std::uint64_t WholeWord() { return _mm_getcsr(); }

std::uint64_t RoundingField(int rounding) {
  return rounding == FE_DOWNWARD     ? 0x2000
         : rounding == FE_UPWARD     ? 0x4000
         : rounding == FE_TOWARDZERO ? 0x6000
                                     : 0;
}

}  // namespace

void SetFloatingPointControl(std::uint64_t control) { _mm_setcsr(static_cast<unsigned>(control)); }

#elif defined(__aarch64__)

namespace {

constexpr std::uint64_t kContract = 0;
constexpr std::uint64_t kFlush = 1u << 24;
constexpr std::uint64_t kSticky = 0;

std::uint64_t WholeWord() {
  std::uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}

std::uint64_t RoundingField(int rounding) {
  return rounding == FE_UPWARD       ? 1u << 22
         : rounding == FE_DOWNWARD   ? 2u << 22
         : rounding == FE_TOWARDZERO ? 3u << 22
                                     : 0;
}

}  // namespace

void SetFloatingPointControl(std::uint64_t control) {
  asm volatile("msr fpcr, %0" : : "r"(control));
}

#else

namespace {

static_assert(FE_TONEAREST == 0);
constexpr std::uint64_t kContract = 0;
constexpr std::uint64_t kFlush = 0;
constexpr std::uint64_t kSticky = 0;

std::uint64_t WholeWord() { return static_cast<std::uint64_t>(std::fegetround()); }
std::uint64_t RoundingField(int rounding) { return static_cast<std::uint64_t>(rounding); }

}  // namespace

void SetFloatingPointControl(std::uint64_t control) { std::fesetround(static_cast<int>(control)); }

#endif

FloatingPointScope::FloatingPointScope() : former_(WholeWord()) {
  SetFloatingPointControl(kContract);
}
FloatingPointScope::~FloatingPointScope() { SetFloatingPointControl(former_); }

std::uint64_t FloatingPointControl() { return WholeWord() & ~kSticky; }

std::optional<std::uint64_t> ForeignControl(int rounding, bool flush_subnormals) {
  if (flush_subnormals && kFlush == 0) return std::nullopt;
  return kContract | RoundingField(rounding) | (flush_subnormals ? kFlush : 0);
}

}  // namespace samebits
