// A thread sums an element of all parts: the stack of the tree lies in its registers.
#include "collectives/sum_parts.h"

namespace samebits {
namespace {

constexpr int kMostParts = 128;
constexpr int kThreads = 256, kMostBlocks = 1024;

struct Parts {
  const float* data[kMostParts];
  float* sums[kMostParts];
  signed char merges[kMostParts];
  int count;
};

__global__ void Sum(Parts parts, std::int64_t elements) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < elements;
       i += step) {
    float stack[kMostParts];
    int top = 0;
    for (int part = 0; part < parts.count; ++part) {
      float sum = parts.data[part][i];
      for (int merge = parts.merges[part]; merge > 0; --merge) sum = __fadd_rn(stack[--top], sum);
      stack[top++] = sum;
    }
    for (int sum = 0; sum < top; ++sum) parts.sums[sum][i] = stack[sum];
  }
}

}  // namespace

cudaError_t SumPartsOnDevice(const float* const* parts, std::span<const int> merges,
                             std::int64_t elements, float* const* sums, cudaStream_t stream) {
  if (merges.size() > kMostParts) return cudaErrorInvalidValue;
  if (elements == 0) return cudaSuccess;
  Parts all{};
  for (const int merge : merges) {
    all.data[all.count] = parts[all.count];
    all.merges[all.count++] = static_cast<signed char>(merge);
  }
  int left = all.count;
  for (const int merge : merges) left -= merge;
  for (int sum = 0; sum < left; ++sum) all.sums[sum] = sums[sum];
  const std::int64_t blocks = (elements + kThreads - 1) / kThreads;
  Sum<<<static_cast<int>(blocks < kMostBlocks ? blocks : kMostBlocks), kThreads, 0, stream>>>(
      all, elements);
  return cudaGetLastError();
}

}  // namespace samebits
