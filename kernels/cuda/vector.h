// Words that a thread reads or writes at once, and elementwise kernels by them. Included by .cu
// files.
#pragma once

#include "kernels/cuda/arithmetic.h"

namespace samebits::SAMEBITS_GPU {
namespace {

template <int kWords, class T = float>
struct alignas(sizeof(T) * kWords) Vector {
  T word[kWords];
};

template <int kWords, class T>
__device__ Vector<kWords, T> Load(const T* from) {
  return *reinterpret_cast<const Vector<kWords, T>*>(from);
}

template <int kWords, class T>
__device__ void Store(T* to, const Vector<kWords, T>& vector) {
  *reinterpret_cast<Vector<kWords, T>*>(to) = vector;
}

// So that vectors of 4 floats begin there.
template <class... T>
bool AreAligned(const T*... buffers) {
  return (... && (reinterpret_cast<std::uintptr_t>(buffers) % sizeof(Vector<4>) == 0));
}

template <class Elements>
__global__ void __launch_bounds__(kThreads, 4)
    ForEachVectorThread(std::int64_t vectors, std::int64_t count,
                        const __grid_constant__ Elements elements) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t units = count - 3 * vectors;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < units; i += step) {
    if (i < vectors) {
      elements.template Do<4>(i * 4);
    } else {
      elements.template Do<1>(i + 3 * vectors);
    }
  }
}

// elements.Do<4>(i) for the elements from i on, i a multiple of 4, or Do<1>(i) where there are no
// four of them or where they are not `wide`; for elements [0, count).
template <class Elements>
void ForEachVector(DeviceStream& stream, std::int64_t count, bool wide, const Elements& elements) {
  if (count == 0) return;
  const std::int64_t vectors = wide ? count / 4 : 0;
  Launch(stream, {BlocksFor(count - 3 * vectors, kThreads)}, kThreads,
         ForEachVectorThread<Elements>, vectors, count, elements);
}

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
