// Quotients of many dividends by one divisor, as a / b rounds them, without dividing: in the time
// of a division of AVX-512 twenty multiplications begin. Included like lane_dot.h.
//
// With y = RN(1 / b), q is a y, and twice q + (a - b q) y. After the first time q is faithful, the
// remainder of the second is exact, and then the second gives RN(a / b): P. W. Markstein,
// Computation of elementary functions on the IBM RISC System/6000 processor, IBM J. Res. Dev. 34
// (1990). Provided that nothing underflows on the way; where it could, it is divided. (Beside sums
// that wait for memory, as in pooling, a division is hidden, and this is slower.)
#pragma once

#include <cstdint>

#include "kernels/core/lanes.h"

namespace samebits::SAMEBITS_ISA {

class Divisor {
 public:
  // From 1 to 2^24, or NaN.
  explicit Divisor(float b) : b_(b), reciprocal_(1.0f / b) {}

  // a / b, where a is finite or NaN, and not -0.
  [[gnu::always_inline]] Floats Quotient(Floats a) const {
#if defined(__AVX2__)
    // Of what is neither 0 nor below 2^-75 in magnitude the last bit of a remainder is at least
    // 2^-145.
    const Words magnitude = __builtin_bit_cast(Words, a) & 0x7fffffffu;
    if (!AnyBelow(magnitude - 1, kLeast - 1)) {
      const Floats b = Floats{} + b_, y = Floats{} + reciprocal_;
      const Floats guess = a * y;
      const Floats faithful = Fma(Fma(guess, -b, a), y, guess);
      return Fma(Fma(faithful, -b, a), y, faithful);
    }
#endif
    return a / b_;
  }

 private:
  static constexpr std::uint32_t kLeast = (127 - 75) << 23;  // the bits of 2^-75

  float b_;
  [[maybe_unused]] float reciprocal_;
};

}  // namespace samebits::SAMEBITS_ISA
