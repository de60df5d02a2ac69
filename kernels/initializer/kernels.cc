// The kernels of random tensors. Drawn once a training, they have no vectors of their own.
#include "kernels/core/row_macros.h"
#include "kernels/core/rows.h"
#include "kernels/initializer/initializer.h"

namespace samebits::initializer {

namespace reference {
KernelFunction Uniform, Normal, TruncatedNormal;
}
using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {
GpuFunction Uniform, Normal, TruncatedNormal;
}
namespace cuda_emulated {
GpuFunction Uniform, Normal, TruncatedNormal;
}

constexpr Kernel kRows[] = {
    RowOf(kUniform, "reference", kCpu, reference::Uniform),
    SAMEBITS_GPU_ROWS(kUniform, ShapeOf, Uniform),
    RowOf(kNormal, "reference", kCpu, reference::Normal),
    SAMEBITS_GPU_ROWS(kNormal, ShapeOf, Normal),
    RowOf(kTruncatedNormal, "reference", kCpu, reference::TruncatedNormal),
    SAMEBITS_GPU_ROWS(kTruncatedNormal, ShapeOf, TruncatedNormal),
};

}  // namespace samebits::initializer

std::span<const samebits::Kernel> samebits::rows::Initializer() { return initializer::kRows; }
