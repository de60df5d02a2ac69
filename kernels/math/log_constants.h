// The constants of Log (log.cc), in one place for the processor's and the GPU's.
#pragma once

#include <cstdint>

namespace samebits {

// ln 2 = high + low, to 95 bits; high has 42 of them, so that k * high is exact.
inline constexpr double kLogLn2High = 0x1.62e42fefa38p-1;
inline constexpr double kLogLn2Low = 0x1.ef35793c7673p-45;

inline constexpr std::int64_t kLogSqrtHalfBits = 0x3fe6a09e667f3bcd;
inline constexpr int kLogFractionBits = 52;

// 2 (atanh(s) / s - 1) / s^2 = 2/3 + 2/5 z + 2/7 z^2 + ..., z = s^2 < 0.0295: the first term left
// out is below 2^-65 of atanh(s).
inline constexpr int kLogMostDivisor = 23;

}  // namespace samebits
