// CUDA's names for code that runs on the emulator. All of it has internal linkage: a file that is
// built for an ISA shares none of its code.
#pragma once

#include <bit>
#include <cmath>
#include <tuple>

#include "kernels/cuda/emulator.h"

#define __global__ static
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __grid_constant__

using dim3 = samebits::emulator::Dim;
#define threadIdx (samebits::emulator::ThreadIndex())
#define blockIdx (samebits::emulator::BlockIndex())
#define blockDim (samebits::emulator::BlockSize())
#define gridDim (samebits::emulator::GridSize())

[[maybe_unused]] static inline void __syncthreads() { samebits::emulator::BlockBarrier(false); }
[[maybe_unused]] static inline int __syncthreads_or(int flag) {
  return samebits::emulator::BlockBarrier(flag != 0) ? 1 : 0;
}
[[maybe_unused]] static inline void __syncwarp(unsigned mask = ~0U) {
  samebits::emulator::Exchange(mask, 0);
}
[[maybe_unused]] static inline float __shfl_sync(unsigned mask, float value, int source) {
  const std::uint64_t* given = samebits::emulator::Exchange(mask, std::bit_cast<unsigned>(value));
  return std::bit_cast<float>(static_cast<unsigned>(given[source % samebits::emulator::kWarp]));
}
[[maybe_unused]] static inline float __shfl_xor_sync(unsigned mask, float value, int lanes) {
  return __shfl_sync(mask, value, samebits::emulator::Lane() ^ lanes);
}
[[maybe_unused]] static inline unsigned __ballot_sync(unsigned mask, int flag) {
  const std::uint64_t* given = samebits::emulator::Exchange(mask, flag != 0);
  unsigned ballot = 0;
  for (int lane = 0; lane < samebits::emulator::kWarp; ++lane) {
    if ((mask >> lane & 1) != 0) ballot |= static_cast<unsigned>(given[lane]) << lane;
  }
  return ballot;
}
[[maybe_unused]] static inline unsigned __reduce_max_sync(unsigned mask, unsigned value) {
  const std::uint64_t* given = samebits::emulator::Exchange(mask, value);
  std::uint64_t most = 0;
  for (int lane = 0; lane < samebits::emulator::kWarp; ++lane) {
    if ((mask >> lane & 1) != 0 && given[lane] > most) most = given[lane];
  }
  return static_cast<unsigned>(most);
}
// The lowest bit that is set, counted from 1.
[[maybe_unused]] static inline int __ffs(int bits) { return __builtin_ffs(bits); }

// In the order in which the threads get there.
[[maybe_unused]] static inline void atomicAdd(float* to, float x) { *to = *to + x; }

[[maybe_unused]] static inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
[[maybe_unused]] static inline float __fadd_rn(float a, float b) { return a + b; }
[[maybe_unused]] static inline float __fsub_rn(float a, float b) { return a - b; }
[[maybe_unused]] static inline float __fmul_rn(float a, float b) { return a * b; }
[[maybe_unused]] static inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}
[[maybe_unused]] static inline float __fsqrt_rn(float x) { return std::sqrt(x); }
// 0 for a NaN: what has no integer is of no use.
[[maybe_unused]] static inline int __double2int_rn(double x) {
  return x != x ? 0 : static_cast<int>(std::nearbyint(x));
}
[[maybe_unused]] static inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
[[maybe_unused]] static inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
[[maybe_unused]] static inline long long __double_as_longlong(double x) {
  return std::bit_cast<long long>(x);
}
[[maybe_unused]] static inline double __longlong_as_double(long long x) {
  return std::bit_cast<double>(x);
}

namespace samebits::cuda_emulated {
namespace {

template <class T>
T& Shared() {
  static const char site = 0;
  return *static_cast<T*>(emulator::Shared(&site, sizeof(T)));
}

template <class T>
T& LaunchShared() {
  return Shared<T>();
}

template <class... Parameters, class... Arguments>
void Launch(DeviceStream&, dim3 grid, unsigned block, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  const std::tuple<void (*)(Parameters...), Parameters...> call(kernel, arguments...);
  emulator::Launch(
      grid, {block, 1, 1},
      [](const void* packed) {
        std::apply([](auto run, const auto&... with) { run(with...); },
                   *static_cast<const std::tuple<void (*)(Parameters...), Parameters...>*>(packed));
      },
      &call);
}

template <class... Parameters, class... Arguments>
void LaunchWith(DeviceStream& stream, dim3 grid, unsigned block, int, void (*kernel)(Parameters...),
                const Arguments&... arguments) {
  Launch(stream, grid, block, kernel, arguments...);
}

}  // namespace
}  // namespace samebits::cuda_emulated
