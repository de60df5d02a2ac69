// The floating-point state of the contract: round to nearest even, subnormals kept, no traps.
#pragma once

#include <cstdint>

namespace samebits {

// Forces that state on this thread and gives the former one back at the end of the scope. A
// library built with -Ofast sets flush-to-zero for every thread started after it was loaded.
class FloatingPointScope {
 public:
  FloatingPointScope();
  ~FloatingPointScope();
  FloatingPointScope(const FloatingPointScope&) = delete;
  FloatingPointScope& operator=(const FloatingPointScope&) = delete;

 private:
  std::uint64_t former_;
};

// The control word of this thread (MXCSR on x86, FPCR on arm64, 0 elsewhere), for the record.
std::uint64_t FloatingPointControl();

}  // namespace samebits
