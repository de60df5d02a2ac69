// 6 x 16 outputs: 12 accumulators, 2 vectors of B and 1 of A fill the 16 registers. Three rows and
// fewer would leave half of them waiting: 3 x 32.
#include <immintrin.h>

#include <utility>

#include "kernels/tile/tile.h"

namespace samebits::tile {
namespace avx2 {
namespace {

struct Vec {
  static constexpr int kLanes = 8;
  __m256 v;

  static Vec Zero() { return {_mm256_setzero_ps()}; }
  static Vec Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec Broadcast(const float* p) { return {_mm256_broadcast_ss(p)}; }
  static Vec Fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec Add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
  // x where it is greater than 0 or NaN, else +0.
  static Vec Relu(Vec x) {
    return {_mm256_and_ps(x.v, _mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_NLE_UQ))};
  }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  void StoreFirst(float* p, std::int64_t count) const { _mm256_maskstore_ps(p, First(count), v); }
  static Vec LoadFirst(const float* p, std::int64_t count) {
    return {_mm256_maskload_ps(p, First(count))};
  }
  static __m256i First(std::int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

#include "kernels/tile/micro_kernels.inc"

constinit const MicroKernels kWide = TableOf<3, 4>();

}  // namespace
}  // namespace avx2

constinit const MicroKernels kAvx2 = avx2::TableOf<6, 2>(&avx2::kNarrow, &avx2::kWide);

}  // namespace samebits::tile
