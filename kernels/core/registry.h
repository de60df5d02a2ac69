// Every operation and every kernel there is, for gate, benchmarks, model and tools alike.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "kernels/core/op.h"

namespace samebits {

// In the order of their rows.
std::span<const Kernel* const> AllKernels();
std::span<const Op* const> AllOps();

// Null when there is none.
const Op* FindOp(std::string_view name);
const Kernel* FindKernel(const Op& op, std::string_view name);

// Adds the row of a loaded library: before any thread reads the registry.
void AddKernel(const Kernel& kernel);

// The operation's scalar reference. Every operation has one.
const Kernel& Reference(const Op& op);

}  // namespace samebits
