// What lies around the operations of the GPU's libraries (cublas.cc, cudnn.cc), as kernels.
#pragma once

#include <cstdint>

namespace samebits {
class DeviceStream;
}

namespace samebits::comparators::cuda {

// to[columns, rows] = from[rows, columns] transposed.
void Transpose(std::int64_t rows, std::int64_t columns, const float* from, float* to,
               DeviceStream& stream);

// y[i,j] = y[i,j] + bias[j], and its relu where that is wanted.
void AddBias(std::int64_t rows, std::int64_t columns, const float* bias, bool relu, float* y,
             DeviceStream& stream);

}  // namespace samebits::comparators::cuda
