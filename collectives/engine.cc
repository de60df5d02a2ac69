#include "collectives/engine.h"

#include <dlfcn.h>

#include <filesystem>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {

namespace {

decltype(&samebits_transport) Load(const std::string& name) {
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
  return make;
}

// An engine and the one that it needs, which goes last.
class Both : public Transport {
 public:
  Both(std::unique_ptr<Transport> control, std::unique_ptr<Transport> engine)
      : control_(std::move(control)), engine_(std::move(engine)) {}

  int rank() const override { return engine_->rank(); }
  int size() const override { return engine_->size(); }
  Place* place() override { return engine_->place(); }
  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    return engine_->Start(sends, receives);
  }
  std::vector<std::string> OwnAllReduces() override { return engine_->OwnAllReduces(); }
  void OwnAllReduce(std::string_view name, float* data, std::size_t elements) override {
    engine_->OwnAllReduce(name, data, elements);
  }

 private:
  const std::unique_ptr<Transport> control_, engine_;
};

}  // namespace

std::unique_ptr<Transport> LoadEngine(const std::string& name,
                                      std::chrono::duration<double> deadline) {
  const auto start = [&](const std::string& engine, Transport* control) {
    try {
      return std::unique_ptr<Transport>(Load(engine)(deadline.count(), control));
    } catch (const std::runtime_error& error) {
      throw UnavailableError(error.what());
    }
  };
  if (name != "nccl") return start(name, nullptr);
  Load(name);  // says first if that is missing
  std::unique_ptr<Transport> control = start("mpi", nullptr);
  std::unique_ptr<Transport> engine = start(name, control.get());
  return std::make_unique<Both>(std::move(control), std::move(engine));
}

}  // namespace samebits
