// The tiles of avx512.cc on pairs of AVX2 vectors: checks their logic on machines without AVX-512.
#include <immintrin.h>

#include <utility>

#include "kernels/tile/tile.h"

namespace samebits::tile {
namespace avx512_on_avx2 {
namespace {

struct Vec {
  static constexpr int kLanes = 16;
  __m256 low, high;

  static Vec Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Vec Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Vec Broadcast(const float* p) { return {_mm256_broadcast_ss(p), _mm256_broadcast_ss(p)}; }
  static Vec Fma(Vec a, Vec b, Vec c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Vec Add(Vec a, Vec b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static Vec Relu(Vec x) {
    const __m256 zero = _mm256_setzero_ps();
    return {_mm256_and_ps(x.low, _mm256_cmp_ps(x.low, zero, _CMP_NLE_UQ)),
            _mm256_and_ps(x.high, _mm256_cmp_ps(x.high, zero, _CMP_NLE_UQ))};
  }
  void Store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void StoreFirst(float* p, std::int64_t count) const {
    float lanes[kLanes];
    Store(lanes);
    for (std::int64_t j = 0; j < kLanes && j < count; ++j) p[j] = lanes[j];
  }
  static Vec LoadFirst(const float* p, std::int64_t count) {
    float lanes[kLanes] = {};
    for (std::int64_t j = 0; j < kLanes && j < count; ++j) lanes[j] = p[j];
    return Load(lanes);
  }
};

#include "kernels/tile/micro_kernels.inc"

constinit const MicroKernels kWide = TableOf<6, 4>();

}  // namespace
}  // namespace avx512_on_avx2

constinit const MicroKernels kAvx512OnAvx2 =
    avx512_on_avx2::TableOf<12, 2>(&avx512_on_avx2::kNarrow, &avx512_on_avx2::kWide);

}  // namespace samebits::tile
