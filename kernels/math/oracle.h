// What the functions of this folder are measured against: MPFR, which rounds correctly to any
// precision and is used here with binary32's precision, exponent range and subnormals.
#pragma once

#include <mpfr.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace samebits {

// A function of one binary32 number.
struct UnaryFunction {
  std::string_view name;
  float (*computed)(float);    // this folder's
  double (*binary64)(double);  // the C library's
  int (*exact)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
};

std::span<const UnaryFunction> UnaryFunctions();

// MPFR's exponent range belongs to a thread, so an Oracle does too: use it where it was made.
class Oracle {
 public:
  Oracle();
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // Correctly rounded to binary32, ties to even; every NaN is 0x7fc00000.
  float Round(const UnaryFunction& function, float x);
  float Power(float base, std::uint64_t t);
  float Quotient(std::uint64_t a, std::uint32_t b);  // b < 2^24

  // How far the exact value lies from the nearest border between two binary32 results, in binary64
  // ULP of the value. Nothing where the result is not a normal number.
  std::optional<double> DistanceToBorder(const UnaryFunction& function, float x);

 private:
  // The result of an MPFR function that returned `ternary`, as binary32.
  float ToFloat(int ternary);

  mpfr_t argument_;
  mpfr_t result_;
  mpfr_t value_;  // before it is rounded to binary32
  mpfr_t difference_;
};

// The correctly rounded binary32 result, where a binary64 approximation y is enough to know it.
//
// glibc's exp and log err by less than 1 ULP, its tanh by less than 3, so the exact value lies in
// y (1 -+ 3 * 2^-52). The interval taken here, y (1 -+ margin 2^-52), is wider by more than the
// rounding of its ends.
// Rounding is monotonic: if both ends round to the same binary32 number, so does all between them.
// An infinite or zero y is an interval by itself: e^x has left even binary64's range, and ln(1) =
// 0.
std::optional<float> Settle(double y, double margin = 4);

}  // namespace samebits
