// The constants of Tanh (tanh.h) that are not Exp's, in one place for the scalar function and every
// vectorised copy.
#pragma once

namespace samebits {

// From here on tanh rounds to 1: its distance from 1, 2 e^-20, is below half a binary32 ULP.
inline constexpr double kTanhHighest = 10.0;

// 1/2!, 1/3!, ... 1/14!: the first term left out is below 2^-56 of e^r - 1 for |r| <= ln(2) / 2.
// The factorials are exact, so the quotients are rounded once.
inline constexpr int kTanhDegree = 12;
struct TanhPolynomial {
  double coefficients[kTanhDegree + 1];

  constexpr TanhPolynomial() : coefficients() {
    double factorial = 1.0;
    for (int i = 0; i <= kTanhDegree; ++i) {
      factorial *= i + 2;
      coefficients[i] = 1.0 / factorial;
    }
  }
};
inline constexpr TanhPolynomial kTanhPolynomial;

}  // namespace samebits
