// Vectors of the widest registers of the ISA that a file is built for, by the compilers' own vector
// types: for loops whose selects a compiler would turn into branches. Included like lane_dot.h.
#pragma once

#include <cstdint>

namespace samebits::SAMEBITS_ISA {

#if defined(__AVX512F__)
enum : std::int64_t { kVectorLanes = 16 };
#elif defined(__AVX2__)
enum : std::int64_t { kVectorLanes = 8 };
#else
enum : std::int64_t { kVectorLanes = 4 };
#endif

using Floats [[gnu::vector_size(kVectorLanes * 4)]] = float;

// `Values` is Floats, or float where fewer are left.
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
