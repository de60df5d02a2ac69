// What the oneDNN kernels share: an engine, and primitives that carry their own formats.
#pragma once

#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/core/op.h"

namespace samebits::comparators {

using dnnl::memory;
using Tag = memory::format_tag;
inline constexpr auto kFloat = memory::data_type::f32;

const dnnl::engine& Engine();
dnnl::stream& Stream();

// Threads of the primitives that are made and run after it.
void UseThreads(const Team& team);

// Relu as the primitive's last step, where asked for.
dnnl::primitive_attr WithRelu(bool relu);

inline memory::desc Plain(const memory::dims& dims, Tag tag) { return {dims, kFloat, tag}; }

}  // namespace samebits::comparators
