#include "tools/samebits/environment.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/core/cpu.h"
#include "kernels/core/floating_point.h"

namespace samebits {
namespace {

// The value of the first line of a file that begins with `key`, after its colon or equals sign.
std::string ValueIn(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find_first_not_of(" \t", line.find_first_of(":=") + 1);
    std::string value = at == line.npos ? "" : line.substr(at);
    if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

std::string Output(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 256> piece;
  while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) text += piece.data();
  ::pclose(pipe);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string Revision() {
  const std::string git = fmt::format("git -C '{}' ", SAMEBITS_SOURCE_DIR);
  const std::string revision = Output(git + "rev-parse HEAD 2>/dev/null");
  if (revision.empty()) return "unknown";
  const bool clean = Output(git + "status --porcelain --untracked-files=no 2>/dev/null").empty();
  return clean ? revision : revision + " with changes";
}

nlohmann::ordered_json Features() {
  nlohmann::ordered_json features = nlohmann::ordered_json::array();
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) features.push_back("sse4.2");
  if (__builtin_cpu_supports("avx")) features.push_back("avx");
  if (__builtin_cpu_supports("avx2")) features.push_back("avx2");
  if (__builtin_cpu_supports("fma")) features.push_back("fma");
  if (__builtin_cpu_supports("avx512f")) features.push_back("avx512f");
#elif defined(__aarch64__)
  features.push_back("neon");
#endif
  return features;
}

using Json = nlohmann::ordered_json;

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

// A name and a driver for each GPU; null where there is none.
Json Gpus() {
  Json gpus;
  std::istringstream lines(
      Output("nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t comma = line.rfind(", ");
    if (comma == line.npos) continue;
    gpus.push_back({{"name", line.substr(0, comma)}, {"driver", line.substr(comma + 2)}});
  }
  if (!gpus.is_null()) return gpus;
  // Without its tool the driver still says what it is.
  const std::string driver = ValueIn("/proc/driver/nvidia/version", "NVRM version");
  if (!driver.empty()) gpus.push_back({{"name", "unknown"}, {"driver", driver}});
  return gpus;
}

// What stands behind ".so." in the name of the file that the linker would load; null: none. It is
// not loaded for this: a library may set up whatever it likes.
Json LibraryVersion(const std::string& linker_cache, const std::string& library) {
  const std::size_t line = linker_cache.find("\t" + library + ".so");
  if (line == linker_cache.npos) return {};
  const std::size_t arrow = linker_cache.find("=> ", line), end = linker_cache.find('\n', line);
  std::error_code error;
  const std::string file =
      std::filesystem::canonical(linker_cache.substr(arrow + 3, end - arrow - 3), error);
  const std::size_t version = file.find(".so.");
  return error || version == file.npos ? Json() : Json(file.substr(version + 4));
}

}  // namespace

nlohmann::ordered_json Environment() {
  const std::string libraries = Output("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null");
  utsname system{};
  ::uname(&system);
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();
  for (const char* name :
       {"OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "PYTHONHASHSEED", "SAMEBITS_GOLDEN"}) {
    if (const char* value = std::getenv(name)) variables[name] = value;
  }
  return {
      {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
      {"system", ValueIn("/etc/os-release", "PRETTY_NAME")},
      {"kernel", fmt::format("{} {}", system.sysname, system.release)},
      {"architecture", system.machine},
      {"cpu", ValueIn("/proc/cpuinfo", "model name")},
      {"features", Features()},
      {"cores", std::thread::hardware_concurrency()},
      {"memory", ValueIn("/proc/meminfo", "MemTotal")},
      {"compiler", SAMEBITS_COMPILER},
      {"flags", SAMEBITS_FLAGS},
      {"onednn", SAMEBITS_ONEDNN},
      {"eigen", SAMEBITS_EIGEN},
      {"gpu", Gpus()},
      {"cuda", LibraryVersion(libraries, "libcudart")},
      {"cudnn", LibraryVersion(libraries, "libcudnn")},
      {"nccl", LibraryVersion(libraries, "libnccl")},
      {"mpi", OrNull(FirstLine(Output("mpirun --version 2>/dev/null")))},
      {"revision", Revision()},
      {"floating_point_control", fmt::format("{:#x}", FloatingPointControl())},
      {"variables", variables},
  };
}

}  // namespace samebits
