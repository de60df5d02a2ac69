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

// The same in pairs of binary32 (kernels/core/vector_exp.h), in eighths of ln 2, for |x| below
// kPairExpLimit, where e^x is neither infinite nor subnormal.
inline constexpr float kPairExpLimit = 87.0f;
inline constexpr float kPairExpEighthsLog2E = 0x1.715476p+3f;
// Adding 1.5 * 2^23 rounds to an integer, and leaves that integer in the low bits of the sum.
inline constexpr float kPairExpRounder = 0x1.8p+23f;
// ln(2) / 8 = high + low. n times high, taken from x, is exact.
inline constexpr float kPairExpHigh = 0x1.62e43p-4f;
inline constexpr float kPairExpLow = -0x1.05c61p-32f;
// 2^(j/8) = kPairExpPower[j] (1 + kPairExpRest[j])
inline constexpr float kPairExpPower[8] = {0x1p+0f,        0x1.172b84p+0f, 0x1.306fep+0f,
                                           0x1.4bfdaep+0f, 0x1.6a09e6p+0f, 0x1.8ace54p+0f,
                                           0x1.ae89fap+0f, 0x1.d5818ep+0f};
inline constexpr float kPairExpRest[8] = {0x0p+0f,          -0x1.9c0c22p-27f, 0x1.125002p-25f,
                                          -0x1.0a355p-25f,  0x1.26055cp-26f,  0x1.67a1cap-28f,
                                          -0x1.f9c304p-27f, -0x1.a5217cp-28f};
// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 16, lowest power first: Taylor's, the power left out
// folded into that of r^2, so that e^r is off by 2^-39 at most.
inline constexpr float kPairExpPolynomial[4] = {0x1p-1f, 0x1.555556p-3f, 0x1.555ad8p-5f,
                                                0x1.111112p-7f};
// A bound of the pair's error, by r^2 and a constant. By analysis of each step; that no argument
// is misrounded is proven for all 2^32 (`prove exp` runs every kernel).
inline constexpr float kPairExpErrorOfSquare = 0x1.2p-21f;
inline constexpr float kPairExpError = 0x1p-36f;

}  // namespace samebits
