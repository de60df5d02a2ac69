// Kernels broken on purpose. Each claims the golden and makes one mistake that a writer of kernels
// makes; the tests demand that the operation's own cases catch it. None is in the registry.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/core/op.h"
#include "kernels/pool2d/pool2d.h"

namespace samebits {

struct BrokenKernel {
  Kernel kernel;
  // The setting that shows the mistake. Other than the plain run: the plain run is right.
  std::string_view axis = "run";
  int point = 1;
};

std::span<const BrokenKernel> BrokenDots();       // broken_dots.cc: one dot of dense and conv2d
std::span<const BrokenKernel> BrokenGradients();  // broken_gradients.cc: sums over the batch
std::span<const BrokenKernel> BrokenElements();   // broken_elements.cc: pooling, activations, ...
std::span<const BrokenKernel> BrokenStorage();    // broken_storage.cc: tensors in 16 bits
std::span<const BrokenKernel> BrokenProducts();   // broken_products.cc: those that explain knows
std::span<const BrokenKernel>
BrokenSurroundings();  // broken_surroundings.cc: threads, state, tails

// Where the maximum of a window lies in x, windows counted as max pooling's outputs: the right one.
std::int64_t PlaceOfMaximum(const pool2d::Shape& s, const float* x, std::int64_t window);

// The code around the broken sums without any mistake: it must match, so that what makes a broken
// kernel fail is its mistake.
std::span<const Kernel> SoundDots();
std::span<const Kernel> SoundGradients();
std::span<const Kernel> SoundElements();
std::span<const Kernel> SoundStorage();
std::span<const Kernel> SoundProducts();

}  // namespace samebits
