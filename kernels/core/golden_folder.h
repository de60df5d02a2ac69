// Where the goldens and the committed data are.
#pragma once

#include <filesystem>

namespace samebits {

// share/samebits of the installation that the program belongs to; it need not exist.
std::filesystem::path InstalledFolder();

// golden/ of the installation, or else of the source that the program was built from.
std::filesystem::path GoldenFolder();

}  // namespace samebits
