// Kernels of a user's shared library, as rows of the registry (include/samebits/kernel.h).
#pragma once

#include <string>
#include <vector>

#include "kernels/core/op.h"

namespace samebits {

// Loads the library for the rest of the process, adds its kernels to the registry, with the claim
// `everywhere`, and returns them. Throws UserError naming the library and what is wrong with it.
std::vector<const Kernel*> LoadLibrary(const std::string& path);

}  // namespace samebits
