// Vectors of the widest registers of the ISA that a file is built for, by the compilers' own vector
// types, for loops that they would not vectorise, or whose selects they would turn into branches.
// Included like lane_dot.h.
//
// Code is written once for `Values`: Floats, or float where fewer elements are left.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace samebits::SAMEBITS_ISA {

#if defined(__AVX512F__)
enum : std::int64_t { kVectorLanes = 16 };
#elif defined(__AVX2__)
enum : std::int64_t { kVectorLanes = 8 };
#else
enum : std::int64_t { kVectorLanes = 4 };
#endif

using Floats [[gnu::vector_size(kVectorLanes * 4)]] = float;
using Words [[gnu::vector_size(kVectorLanes * 4)]] = std::uint32_t;
// Half as many, in binary64.
using Doubles [[gnu::vector_size(kVectorLanes * 4)]] = double;
using LongWords [[gnu::vector_size(kVectorLanes * 4)]] = std::uint64_t;

template <class Values>
[[gnu::always_inline]] inline Values Load(const float* p) {
  Values values;
  __builtin_memcpy(&values, p, sizeof values);
  return values;
}
template <class Values>
[[gnu::always_inline]] inline void Store(Values values, float* p) {
  __builtin_memcpy(p, &values, sizeof values);
}

// What the compilers have no operator for, or convert by way of memory. (All of a mask: without it
// g++ 12 takes its own headers for uses of uninitialized values.)
#if defined(__AVX512F__)
[[gnu::always_inline]] inline Doubles Fma(Doubles a, Doubles b, Doubles c) {
  return _mm512_fmadd_pd(a, b, c);
}
[[gnu::always_inline]] inline Doubles WidenLow(Floats x) {
  return _mm512_maskz_cvtps_pd(0xff, _mm512_maskz_extractf32x8_ps(0xff, x, 0));
}
[[gnu::always_inline]] inline Doubles WidenHigh(Floats x) {
  return _mm512_maskz_cvtps_pd(0xff, _mm512_maskz_extractf32x8_ps(0xff, x, 1));
}
[[gnu::always_inline]] inline Floats Narrow(Doubles low, Doubles high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_maskz_cvtpd_ps(0xff, low)),
                            _mm512_maskz_cvtpd_ps(0xff, high), 1);
}
#elif defined(__AVX2__)
[[gnu::always_inline]] inline Doubles Fma(Doubles a, Doubles b, Doubles c) {
  return _mm256_fmadd_pd(a, b, c);
}
[[gnu::always_inline]] inline Doubles WidenLow(Floats x) {
  return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}
[[gnu::always_inline]] inline Doubles WidenHigh(Floats x) {
  return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}
[[gnu::always_inline]] inline Floats Narrow(Doubles low, Doubles high) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high),
                              1);
}
#elif defined(__aarch64__)
[[gnu::always_inline]] inline Doubles Fma(Doubles a, Doubles b, Doubles c) {
  return vfmaq_f64(c, a, b);
}
[[gnu::always_inline]] inline Doubles WidenLow(Floats x) { return vcvt_f64_f32(vget_low_f32(x)); }
[[gnu::always_inline]] inline Doubles WidenHigh(Floats x) { return vcvt_high_f64_f32(x); }
[[gnu::always_inline]] inline Floats Narrow(Doubles low, Doubles high) {
  return vcvt_high_f32_f64(vcvt_f32_f64(low), high);
}
#else
[[gnu::always_inline]] inline Doubles Fma(Doubles a, Doubles b, Doubles c) {
  return Doubles{std::fma(a[0], b[0], c[0]), std::fma(a[1], b[1], c[1])};
}
[[gnu::always_inline]] inline Doubles WidenLow(Floats x) { return Doubles{x[0], x[1]}; }
[[gnu::always_inline]] inline Doubles WidenHigh(Floats x) { return Doubles{x[2], x[3]}; }
[[gnu::always_inline]] inline Floats Narrow(Doubles low, Doubles high) {
  return Floats{static_cast<float>(low[0]), static_cast<float>(low[1]), static_cast<float>(high[0]),
                static_cast<float>(high[1])};
}
#endif
[[gnu::always_inline]] inline double Fma(double a, double b, double c) { return std::fma(a, b, c); }

// Calls body<Values>(first) for all of [0, count).
template <class Body>
void ForEachVector(std::int64_t count, const Body& body) {
  std::int64_t first = 0;
  for (; first + kVectorLanes <= count; first += kVectorLanes) {
    body.template operator()<Floats>(first);
  }
  for (; first < count; ++first) body.template operator()<float>(first);
}

}  // namespace samebits::SAMEBITS_ISA
