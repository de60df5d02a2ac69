// The rows of each folder of operations, gathered by registry.cc.
#pragma once

#include <span>

#include "kernels/core/op.h"

namespace samebits::rows {

std::span<const Kernel> Conv2d();
std::span<const Kernel> Dense();
std::span<const Kernel> Exact();
std::span<const Kernel> Pool2d();
std::span<const Kernel> Activation();
std::span<const Kernel> Softmax();
std::span<const Kernel> Loss();
std::span<const Kernel> Embedding();
std::span<const Kernel> Rnn();
std::span<const Kernel> Convert();
std::span<const Kernel> Dropout();
std::span<const Kernel> Initializer();
std::span<const Kernel> Adam();
std::span<const Kernel> AllReduce();
std::span<const Kernel> Pipeline();
std::span<const Kernel> Training();
std::span<const Kernel> Comparators();

}  // namespace samebits::rows
