#include "kernels/core/golden_folder.h"

namespace samebits {

std::filesystem::path InstalledFolder() {
  std::error_code unknown;  // of a program that has no path: then it is not installed
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  return program.parent_path().parent_path() / "share" / "samebits";
}

std::filesystem::path GoldenFolder() {
  const std::filesystem::path installed = InstalledFolder() / "golden";
  std::error_code unknown;
  return std::filesystem::is_directory(installed, unknown) ? installed
                                                           : SAMEBITS_SOURCE_DIR "/golden";
}

}  // namespace samebits
