// The kernels of conv2d, one row each.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/tiled.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"

namespace samebits::conv2d {

namespace reference {  // reference.cc
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

using ShapedFunction = void(const Shape&, const Buffers&, Team&);
namespace baseline {  // portable.cc
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>>;

// An ISA's micro-kernels (kernels/tile) under the loops of tiled.cc.
template <auto function, const tile::MicroKernels& micro>
void Tiled(const Case& c, const Buffers& buffers, Team& team) {
  function(micro, ShapeOf(c), buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kForward, "reference", &kCpu, kAll, reference::Forward},
    {&kForward, "portable", &kCpu, kAll, kPlain<baseline::Forward, avx2::Forward>},
    {&kForward, "avx2", &kCpuAvx2, kAll, Tiled<tiled::Forward, tile::kAvx2>},

    {&kDataGradient, "reference", &kCpu, kAll, reference::DataGradient},
    {&kDataGradient, "portable", &kCpu, kAll, kPlain<baseline::DataGradient, avx2::DataGradient>},
    {&kDataGradient, "avx2", &kCpuAvx2, kAll, Tiled<tiled::DataGradient, tile::kAvx2>},

    {&kWeightGradient, "reference", &kCpu, kAll, reference::WeightGradient},
    {&kWeightGradient, "portable", &kCpu, kAll,
     kPlain<baseline::WeightGradient, avx2::WeightGradient>},
    {&kWeightGradient, "avx2", &kCpuAvx2, kAll, Tiled<tiled::WeightGradient, tile::kAvx2>},

    {&kBiasGradient, "reference", &kCpu, kAll, reference::BiasGradient},
    {&kBiasGradient, "portable", &kCpu, kAll, kPlain<baseline::BiasGradient, avx2::BiasGradient>},
    {&kBiasGradient, "avx2", &kCpuAvx2, kAll, kShaped<avx2::BiasGradient>},
};

}  // namespace samebits::conv2d

std::span<const samebits::Kernel> samebits::rows::Conv2d() { return conv2d::kRows; }
