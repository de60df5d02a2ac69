// Vectors of the widest registers of the ISA that a file is built for, by the compilers' own vector
// types, for loops that they would not vectorise, or whose selects they would turn into branches.
// Included like lane_dot.h.
//
// Code is written once for `Values`: Floats, or float where fewer elements are left.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

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
[[gnu::always_inline]] inline Floats LoadFirst(const float* p, std::int64_t count, Floats others) {
  return _mm512_mask_loadu_ps(others, static_cast<__mmask16>((1u << count) - 1), p);
}
[[gnu::always_inline]] inline void StoreFirst(Floats values, float* p, std::int64_t count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), values);
}
[[gnu::always_inline]] inline bool AnyNaN(Floats values) {
  return _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q) != 0;
}
[[gnu::always_inline]] inline Floats Fma(Floats a, Floats b, Floats c) {
  return _mm512_fmadd_ps(a, b, c);
}
// table[index mod 8]
[[gnu::always_inline]] inline Floats Lookup(const float (&table)[8], Words index) {
  const Floats twice = _mm512_maskz_broadcast_f32x8(0xffff, _mm256_loadu_ps(table));
  return _mm512_maskz_permutexvar_ps(0xffff, __builtin_bit_cast(__m512i, index), twice);
}
[[gnu::always_inline]] inline bool AllEqual(Floats a, Floats b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ) == 0xffff;
}
[[gnu::always_inline]] inline bool AllLess(Floats a, Floats b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) == 0xffff;
}
[[gnu::always_inline]] inline bool AnyBelow(Words a, std::uint32_t b) {
  return _mm512_cmplt_epu32_mask(__builtin_bit_cast(__m512i, a),
                                 _mm512_set1_epi32(static_cast<int>(b))) != 0;
}
// A byte of memory for each lane.
[[gnu::always_inline]] inline Words WidenBytes(const std::uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return __builtin_bit_cast(Words, _mm512_maskz_cvtepu8_epi32(0xffff, bytes));
}
[[gnu::always_inline]] inline void StoreLowBytes(Words words, std::uint8_t* p) {
  const __m128i bytes = _mm512_maskz_cvtepi32_epi8(0xffff, __builtin_bit_cast(__m512i, words));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
#elif defined(__AVX2__)
[[gnu::always_inline]] inline Words WidenBytes(const std::uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return __builtin_bit_cast(Words, _mm256_cvtepu8_epi32(bytes));
}
[[gnu::always_inline]] inline void StoreLowBytes(Words words, std::uint8_t* p) {
  const __m256i low = __builtin_bit_cast(__m256i, words & 0xff);
  const __m128i halves =
      _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
}
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
[[gnu::always_inline]] inline __m256i FirstLanes(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
[[gnu::always_inline]] inline Floats LoadFirst(const float* p, std::int64_t count, Floats others) {
  const __m256i first = FirstLanes(count);
  return _mm256_or_ps(_mm256_maskload_ps(p, first),
                      _mm256_andnot_ps(_mm256_castsi256_ps(first), others));
}
[[gnu::always_inline]] inline void StoreFirst(Floats values, float* p, std::int64_t count) {
  _mm256_maskstore_ps(p, FirstLanes(count), values);
}
[[gnu::always_inline]] inline bool AnyNaN(Floats values) {
  return _mm256_movemask_ps(_mm256_cmp_ps(values, values, _CMP_UNORD_Q)) != 0;
}
[[gnu::always_inline]] inline Floats Fma(Floats a, Floats b, Floats c) {
  return _mm256_fmadd_ps(a, b, c);
}
// table[index mod 8]
[[gnu::always_inline]] inline Floats Lookup(const float (&table)[8], Words index) {
  return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), __builtin_bit_cast(__m256i, index));
}
[[gnu::always_inline]] inline bool AllEqual(Floats a, Floats b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)) == 0xff;
}
[[gnu::always_inline]] inline bool AllLess(Floats a, Floats b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)) == 0xff;
}
[[gnu::always_inline]] inline bool AnyBelow(Words a, std::uint32_t b) {  // b is not 0
  const __m256i words = __builtin_bit_cast(__m256i, a);
  const __m256i least = _mm256_min_epu32(words, _mm256_set1_epi32(static_cast<int>(b - 1)));
  return _mm256_movemask_epi8(_mm256_cmpeq_epi32(least, words)) != 0;
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
#if !defined(__AVX2__)
// The first `count` lanes from memory, or to it.
[[gnu::always_inline]] inline Floats LoadFirst(const float* p, std::int64_t count, Floats others) {
  for (std::int64_t j = 0; j < count; ++j) others[j] = p[j];
  return others;
}
[[gnu::always_inline]] inline void StoreFirst(Floats values, float* p, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) p[j] = values[j];
}
[[gnu::always_inline]] inline Words WidenBytes(const std::uint8_t* p) {
  return Words{p[0], p[1], p[2], p[3]};
}
[[gnu::always_inline]] inline void StoreLowBytes(Words words, std::uint8_t* p) {
  for (std::int64_t j = 0; j < kVectorLanes; ++j) p[j] = static_cast<std::uint8_t>(words[j]);
}
[[gnu::always_inline]] inline bool AnyNaN(Floats values) {
  bool any = false;
  for (std::int64_t j = 0; j < kVectorLanes; ++j) any |= values[j] != values[j];
  return any;
}
#endif
[[gnu::always_inline]] inline double Fma(double a, double b, double c) { return std::fma(a, b, c); }

// A byte for each of the Values: Words, or a word.
template <class Values>
[[gnu::always_inline]] inline auto LoadBytes(const std::uint8_t* p) {
  if constexpr (sizeof(Values) == sizeof(float)) {
    return std::uint32_t{*p};
  } else {
    return WidenBytes(p);
  }
}
[[gnu::always_inline]] inline void StoreLowBytes(std::uint32_t word, std::uint8_t* p) {
  *p = static_cast<std::uint8_t>(word);
}

// Lane j gets lane j xor `step`.
template <int step>
[[gnu::always_inline]] inline Floats SwapLanes(Floats v) {
  return [&]<int... j>(std::integer_sequence<int, j...>) __attribute__((always_inline)) {
    return __builtin_shufflevector(v, v, (j ^ step)...);
  }
  (std::make_integer_sequence<int, kVectorLanes>());
}

// merge(merge(0, 1), merge(2, 3)), ...: the tree over the lanes, its result in each of them.
template <class Merge>  // Floats Merge(Floats, Floats), commutative
[[gnu::always_inline]] inline Floats TreeOverLanes(Floats v, const Merge& merge) {
  v = merge(v, SwapLanes<1>(v));
  v = merge(v, SwapLanes<2>(v));
  if constexpr (kVectorLanes > 4) v = merge(v, SwapLanes<4>(v));
  if constexpr (kVectorLanes > 8) v = merge(v, SwapLanes<8>(v));
  return v;
}

// Load and Store as objects: a pointer to them is not inlined at every level of optimisation.
struct LoadAll {
  [[gnu::always_inline]] Floats operator()(const float* p) const { return Load<Floats>(p); }
};
struct StoreAll {
  [[gnu::always_inline]] void operator()(Floats values, float* p) const { Store(values, p); }
};

// Calls body(load, store, first) for all of [0, count), in vectors: load(p) and store(values, p)
// take as many of their lanes as are left, and load puts zeros into the others.
template <class Body>
[[gnu::always_inline]] inline void ForEachPart(std::int64_t count, const Body& body) {
  std::int64_t first = 0;
  for (; first + kVectorLanes <= count; first += kVectorLanes) {
    body(LoadAll{}, StoreAll{}, first);
  }
  const std::int64_t left = count - first;
  if (left == 0) return;
  body([left](const float* p) { return LoadFirst(p, left, Floats{}); },
       [left](Floats values, float* p) { StoreFirst(values, p, left); }, first);
}

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
