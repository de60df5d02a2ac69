// The kernels of conv2d, one row each.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/tiled.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

namespace samebits::conv2d {

namespace reference {  // reference.cc
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

using GpuFunction = void(const Shape&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2, ShapedFunction* avx512>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>, kShaped<avx512>>;

// An ISA's micro-kernels (kernels/tile) under the loops of tiled.cc.
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

}  // namespace samebits::conv2d

std::span<const samebits::Kernel> samebits::rows::Conv2d() { return conv2d::kRows; }
