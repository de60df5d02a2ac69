// The constants of Exp (exp.h), in one place for the scalar function and every vectorised copy.
#pragma once

namespace samebits {

// Outside [kExpLowest, kExpHighest] the result no longer changes: e^-104 < 2^-150, half the
// smallest subnormal, rounds to +0, and e^89 > 2^128 to infinity.
inline constexpr double kExpLowest = -104.0;
inline constexpr double kExpHighest = 89.0;

inline constexpr double kExpLog2E = 0x1.71547652b82fep+0;
// Adding 1.5 * 2^52 rounds to an integer, and leaves that integer in the low bits of the sum.
inline constexpr double kExpRounder = 0x1.8p+52;
// ln 2 = high + low, to 107 bits.
inline constexpr double kExpLn2High = 0x1.62e42fefa39efp-1;
inline constexpr double kExpLn2Low = 0x1.abc9e3b39803fp-56;

// e^r for |r| <= ln(2) / 2, lowest power first. The relative error, at most 2^-51.4, is largest at
// the ends of the interval; that no binary32 argument falls victim to it is proven, see exp.h.
inline constexpr int kExpDegree = 10;
// A macro, as a GPU's function cannot read an array of the host's.
#define SAMEBITS_EXP_POLYNOMIAL                                                                   \
  {                                                                                               \
    0x1p+0, 0x1.000000000001ep+0, 0x1.0000000000005p-1, 0x1.555555554b73ep-3,                     \
        0x1.55555555520a7p-5, 0x1.1111112dd9db2p-7, 0x1.6c16c17f45e48p-10, 0x1.a01978bc0a86ap-13, \
        0x1.a019a6635643cp-16, 0x1.72fafb4456b0ap-19, 0x1.28a2c810d05b6p-22,                      \
  }
inline constexpr double kExpPolynomial[kExpDegree + 1] = SAMEBITS_EXP_POLYNOMIAL;

}  // namespace samebits
