// The floating-point state of the contract: round to nearest even, subnormals kept, no traps.
#pragma once

#include <cstdint>
#include <optional>

namespace samebits {

// Forces that state on this thread and gives the former one back at the end of the scope: other
// people's libraries may set flush-to-zero for every thread started after they were loaded.
class FloatingPointScope {
 public:
  FloatingPointScope();
  ~FloatingPointScope();
  FloatingPointScope(const FloatingPointScope&) = delete;
  FloatingPointScope& operator=(const FloatingPointScope&) = delete;

 private:
  std::uint64_t former_;
};

// The control word of this thread (MXCSR on x86 without its sticky flags, FPCR on arm64, the
// rounding mode elsewhere).
std::uint64_t FloatingPointControl();
void SetFloatingPointControl(std::uint64_t control);

// The control word of code that keeps to no contract; rounding is FE_DOWNWARD or the like. Nothing
// where this processor, or this program on it, has no such state.
std::optional<std::uint64_t> ForeignControl(int rounding, bool flush_subnormals);

}  // namespace samebits
