#include "collectives/engine.h"

#include <dlfcn.h>

#include <filesystem>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {

std::unique_ptr<Transport> LoadEngine(const std::string& name,
                                      std::chrono::duration<double> deadline) {
  namespace fs = std::filesystem;
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  const std::string file = fmt::format("samebits_{}.so", name);
  fs::path module = program / file;
  if (!fs::exists(module)) module = program.parent_path() / SAMEBITS_MODULES / file;
  if (!fs::exists(module)) {
    throw UnavailableError(fmt::format(
        "--ranks {}: this build has no {}: its headers and library were not found; tools/setup "
        "installs what it can, then configure and build again",
        name, name));
  }
  // OpenMPI's own modules look for its symbols among those of the program.
  void* const library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    throw UnavailableError(fmt::format("--ranks {}: {}", name, ::dlerror()));
  }
  const auto make =
      reinterpret_cast<decltype(&samebits_transport)>(::dlsym(library, "samebits_transport"));
  if (make == nullptr) throw UnavailableError(fmt::format("--ranks {}: {}", name, ::dlerror()));
  return std::unique_ptr<Transport>(make(deadline.count()));
}

}  // namespace samebits
