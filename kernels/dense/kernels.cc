// The kernels of dense, one row each. The fast ones are those of conv2d for images of one pixel.
#include "kernels/conv2d/tiled.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/dense/dense.h"

namespace samebits {

using ShapedFunction = void(const conv2d::Shape&, const Buffers&, Team&);
namespace conv2d::baseline {  // conv2d/portable.cc
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace conv2d::avx2 {
ShapedFunction Forward, DataGradient, WeightGradient, BiasGradient;
}

namespace dense {

namespace reference {  // reference.cc
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace baseline = conv2d::baseline;
namespace avx2 = conv2d::avx2;
namespace tiled = conv2d::tiled;

template <ShapedFunction* function>
constexpr KernelFunction* kShaped = WithShape<ShapeOf, function>;

template <ShapedFunction* baseline, ShapedFunction* avx2>
constexpr KernelFunction* kPlain = Best<kShaped<baseline>, kShaped<avx2>>;

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

}  // namespace dense
}  // namespace samebits

std::span<const samebits::Kernel> samebits::rows::Dense() { return dense::kRows; }
