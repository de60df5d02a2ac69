// The sum of parts in the tree's order on a GPU (kernels/all_reduce/all_reduce.h has the host's).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <span>

namespace samebits {

// Queues it. At most 128 parts; cudaErrorInvalidValue for more.
cudaError_t SumPartsOnDevice(const float* const* parts, std::span<const int> merges,
                             std::int64_t elements, float* const* sums, cudaStream_t stream);

}  // namespace samebits
