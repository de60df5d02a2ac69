// The kernels of dense, one row each. The fast ones are those of conv2d for images of one pixel.
#include "kernels/conv2d/tiled.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/dense/dense.h"

namespace samebits {

using ShapedFunction = void(const conv2d::Shape&, const Buffers&, Team&);
namespace conv2d::baseline {  // conv2d/portable.cc
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace conv2d::avx2 {
SAMEBITS_X86_64 ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace conv2d::avx512 {
SAMEBITS_X86_64 ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
using GpuFunction = void(const conv2d::Shape&, const Buffers&, DeviceStream&);
namespace conv2d::cuda {  // conv2d/cuda.cu
GpuFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace conv2d::cuda_emulated {  // conv2d/cuda.cu, for the emulator
GpuFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

namespace dense {

namespace reference {  // reference.cc
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace baseline = conv2d::baseline;
namespace avx2 = conv2d::avx2;
namespace avx512 = conv2d::avx512;
namespace tiled = conv2d::tiled;
namespace cuda = conv2d::cuda;
namespace cuda_emulated = conv2d::cuda_emulated;

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

template <auto function, const tile::MicroKernels& micro>
void Tiled(const Case& c, const Buffers& buffers, Team& team) {
  function(micro, ShapeOf(c), buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Forward},
    {&kForward, "portable", &kCpu, kAll, kPlain<baseline::Forward, avx2::Forward, avx512::Forward>},
    {&kForward, "avx2", &kCpuAvx2, kAll, Tiled<tiled::Forward, tile::kAvx2>},
    {&kForward, "avx512", &kCpuAvx512, kAll, Tiled<tiled::Forward, tile::kAvx512>},
    {&kForward, "avx512_on_avx2", &kCpuAvx2, kAll, Tiled<tiled::Forward, tile::kAvx512OnAvx2>},
    {&kForward, "neon", &kCpuNeon, kAll, Tiled<tiled::Forward, tile::kNeon>},
    {&kForward, "cuda", &kCuda, kAll, OnGpu<&kForward, ShapeOf, cuda::Forward>},
    {&kForward, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<ShapeOf, cuda_emulated::Forward>},

    {&kDataGradient, "reference", &kCpu, kAll, reference::DataGradient},
    {&kDataGradient, "portable", &kCpu, kAll,
     kPlain<baseline::DataGradient, avx2::DataGradient, avx512::DataGradient>},
    {&kDataGradient, "avx2", &kCpuAvx2, kAll, Tiled<tiled::DataGradient, tile::kAvx2>},
    {&kDataGradient, "avx512", &kCpuAvx512, kAll, Tiled<tiled::DataGradient, tile::kAvx512>},
    {&kDataGradient, "avx512_on_avx2", &kCpuAvx2, kAll,
     Tiled<tiled::DataGradient, tile::kAvx512OnAvx2>},
    {&kDataGradient, "neon", &kCpuNeon, kAll, Tiled<tiled::DataGradient, tile::kNeon>},
    {&kDataGradient, "cuda", &kCuda, kAll, OnGpu<&kDataGradient, ShapeOf, cuda::DataGradient>},
    {&kDataGradient, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::DataGradient>},

    {&kWeightGradient, "reference", &kCpu, kAll, reference::WeightGradient},
    {&kWeightGradient, "portable", &kCpu, kAll,
     kPlain<baseline::WeightGradient, avx2::WeightGradient, avx512::WeightGradient>},
    {&kWeightGradient, "avx2", &kCpuAvx2, kAll, Tiled<tiled::WeightGradient, tile::kAvx2>},
    {&kWeightGradient, "avx512", &kCpuAvx512, kAll, Tiled<tiled::WeightGradient, tile::kAvx512>},
    {&kWeightGradient, "avx512_on_avx2", &kCpuAvx2, kAll,
     Tiled<tiled::WeightGradient, tile::kAvx512OnAvx2>},
    {&kWeightGradient, "neon", &kCpuNeon, kAll, Tiled<tiled::WeightGradient, tile::kNeon>},
    {&kWeightGradient, "cuda", &kCuda, kAll,
     OnGpu<&kWeightGradient, ShapeOf, cuda::WeightGradient>},
    {&kWeightGradient, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::WeightGradient>},

    {&kBiasGradient, "reference", &kCpu, kAll, reference::BiasGradient},
    {&kBiasGradient, "portable", &kCpu, kAll,
     kPlain<baseline::BiasGradient, avx2::BiasGradient, avx512::BiasGradient>},
    {&kBiasGradient, "avx2", &kCpuAvx2, kAll, kShaped<avx2::BiasGradient>},
    {&kBiasGradient, "avx512", &kCpuAvx512, kAll, kShaped<avx512::BiasGradient>},
    {&kBiasGradient, "neon", &kCpuNeon, kAll, kShaped<baseline::BiasGradient>},
    {&kBiasGradient, "cuda", &kCuda, kAll, OnGpu<&kBiasGradient, ShapeOf, cuda::BiasGradient>},
    {&kBiasGradient, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<ShapeOf, cuda_emulated::BiasGradient>},
};

}  // namespace dense
}  // namespace samebits

std::span<const samebits::Kernel> samebits::rows::Dense() { return dense::kRows; }
