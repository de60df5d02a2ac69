#include "kernels/math/oracle.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/tanh.h"

namespace samebits {
namespace {

// MPFR's significands are in [1/2, 1): binary32 reaches from 2^-149 = 1/2 2^-148 to below 2^128.
constexpr mpfr_exp_t kLowestExponent = -148;
constexpr mpfr_exp_t kHighestExponent = 128;
constexpr mpfr_prec_t kBinary32Precision = 24;
constexpr mpfr_prec_t kAmplePrecision = 160;

constexpr UnaryFunction kUnaryFunctions[] = {
    {"exp", Exp, [](double x) { return std::exp(x); }, mpfr_exp},
    {"log", Log, [](double x) { return std::log(x); }, mpfr_log},
    {"tanh", Tanh, [](double x) { return std::tanh(x); }, mpfr_tanh},
};

}  // namespace

std::span<const UnaryFunction> UnaryFunctions() { return kUnaryFunctions; }

Oracle::Oracle() {
  mpfr_set_emin(kLowestExponent);
  mpfr_set_emax(kHighestExponent);
  mpfr_init2(argument_, kBinary32Precision);
  mpfr_init2(result_, kBinary32Precision);
  mpfr_init2(value_, kAmplePrecision);
  mpfr_init2(difference_, kAmplePrecision);
}

Oracle::~Oracle() {
  mpfr_clears(argument_, result_, value_, difference_, static_cast<mpfr_ptr>(nullptr));
}

float Oracle::Round(const UnaryFunction& function, float x) {
  mpfr_set_flt(argument_, x, MPFR_RNDN);
  return ToFloat(function.exact(result_, argument_, MPFR_RNDN));
}

float Oracle::Power(float base, std::uint64_t t) {
  mpfr_set_flt(argument_, base, MPFR_RNDN);
  return ToFloat(mpfr_pow_ui(result_, argument_, t, MPFR_RNDN));
}

float Oracle::Quotient(std::uint64_t a, std::uint32_t b) {
  mpfr_set_ui(argument_, b, MPFR_RNDN);
  return ToFloat(mpfr_ui_div(result_, a, argument_, MPFR_RNDN));
}

float Oracle::ToFloat(int ternary) {
  if (mpfr_nan_p(result_)) return std::bit_cast<float>(0x7fc00000);
  mpfr_subnormalize(result_, ternary, MPFR_RNDN);
  return mpfr_get_flt(result_, MPFR_RNDN);
}

std::optional<double> Oracle::DistanceToBorder(const UnaryFunction& function, float x) {
  const float rounded = Round(function, x);
  if (!std::isnormal(rounded)) return std::nullopt;

  // Scaled to [1, 2), so that a small difference stays within the exponent range.
  function.exact(value_, argument_, MPFR_RNDN);
  const int exponent = static_cast<int>(mpfr_get_exp(value_)) - 1;
  mpfr_mul_2si(value_, value_, -exponent, MPFR_RNDN);

  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  double distance = kInfinity;
  for (const double neighbour :
       {std::nextafter(rounded, -kInfinity), std::nextafter(rounded, kInfinity)}) {
    const double border = std::ldexp((rounded + neighbour) / 2, -exponent);
    mpfr_sub_d(difference_, value_, border, MPFR_RNDN);
    distance = std::min(distance, std::fabs(mpfr_get_d(difference_, MPFR_RNDN)));
  }
  return distance * 0x1p52;
}

std::optional<float> Settle(double y, double margin) {
  const float low = static_cast<float>(y * (1 - margin * 0x1p-52));
  const float high = static_cast<float>(y * (1 + margin * 0x1p-52));
  if (low != high) return std::nullopt;  // so does NaN
  return low;
}

}  // namespace samebits
