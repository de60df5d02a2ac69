// 12 x 32 outputs: 24 accumulators and 2 vectors of B; A is broadcast from memory. Wide: 6 x 64.
#include <immintrin.h>

#include <utility>

#include "kernels/tile/tile.h"

namespace samebits::tile {
namespace avx512 {
namespace {

struct Vec {
  static constexpr int kLanes = 16;
  __m512 v;

  static Vec Zero() { return {_mm512_setzero_ps()}; }
  static Vec Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec Broadcast(const float* p) { return {_mm512_set1_ps(*p)}; }
  static Vec Fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec Add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
  // x where it is greater than 0 or NaN, else +0.
  static Vec Relu(Vec x) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_NLE_UQ), x.v)};
  }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  void StoreFirst(float* p, std::int64_t count) const { _mm512_mask_storeu_ps(p, First(count), v); }
  static Vec LoadFirst(const float* p, std::int64_t count) {
    return {_mm512_maskz_loadu_ps(First(count), p)};
  }
  static __mmask16 First(std::int64_t count) {
    return static_cast<__mmask16>(count <= 0 ? 0 : count >= kLanes ? 0xffff : (1u << count) - 1);
  }
};

#include "kernels/tile/micro_kernels.inc"

constinit const MicroKernels kWide = TableOf<6, 4>();

}  // namespace
}  // namespace avx512

constinit const MicroKernels kAvx512 = avx512::TableOf<12, 2>(&avx512::kNarrow, &avx512::kWide);

}  // namespace samebits::tile
