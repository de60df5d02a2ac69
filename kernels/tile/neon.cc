// 8 x 12 outputs: 24 accumulators, 3 vectors of B and the scalars of A fill the 32 registers. A
// stays a scalar: fmla takes it from one lane, where a broadcast would cost a vector instruction.
#include <arm_neon.h>

#include <utility>

#include "kernels/tile/tile.h"

namespace samebits::tile {
namespace neon {
namespace {

struct Vec {
  static constexpr int kLanes = 4;
  float32x4_t v;

  static Vec Zero() { return {vdupq_n_f32(0.0f)}; }
  static Vec Load(const float* p) { return {vld1q_f32(p)}; }
  static float Broadcast(const float* p) { return *p; }
  static Vec Fma(float a, Vec b, Vec c) { return {vfmaq_n_f32(c.v, b.v, a)}; }
  static Vec Add(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
  // x where it is greater than 0 or NaN, else +0.
  static Vec Relu(Vec x) {
    const uint32x4_t zeroed = vcleq_f32(x.v, vdupq_n_f32(0.0f));
    return {vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x.v), zeroed))};
  }
  void Store(float* p) const { vst1q_f32(p, v); }
  void StoreFirst(float* p, std::int64_t count) const {
    for (std::int64_t j = 0; j < kLanes && j < count; ++j) p[j] = v[j];
  }
  static Vec LoadFirst(const float* p, std::int64_t count) {
    Vec first = Zero();
    for (std::int64_t j = 0; j < kLanes && j < count; ++j) first.v[j] = p[j];
    return first;
  }
};

#include "kernels/tile/micro_kernels.inc"

}  // namespace
}  // namespace neon

constinit const MicroKernels kNeon = neon::TableOf<8, 3>(&neon::kNarrow);

}  // namespace samebits::tile
