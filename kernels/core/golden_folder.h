// Where the goldens and the committed data are.
#pragma once

#include <filesystem>

namespace samebits {

// share/samebits/golden of the installation that the program belongs to, or else golden/ of the
// source that it was built from.
std::filesystem::path GoldenFolder();

}  // namespace samebits
