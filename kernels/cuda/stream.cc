#include "kernels/cuda/stream.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kernels/core/cpu.h"
#include "kernels/cuda/contention.h"
#include "kernels/cuda/session.h"

namespace samebits {
namespace {

std::atomic<int> emulated_schedule{kInOrder};

// Memory full of NaNs, as nothing may count on what it holds.
class Memory {
 public:
  void* Allocate(std::size_t bytes) {
    constexpr std::size_t kAlignment = 16;
    const std::size_t blocks = bytes / kAlignment + 1;
    memory_.push_back(std::make_unique<Block[]>(blocks));
    std::memset(memory_.back().get(), 0xFF, blocks * kAlignment);
    return memory_.back().get();
  }

 private:
  struct alignas(16) Block {
    std::byte bytes[16];
  };
  std::vector<std::unique_ptr<Block[]>> memory_;
};

// Another number under each schedule, and with it other ways through a kernel.
int EmulatedProcessors() {
  constexpr int kProcessors[] = {1, 132, 12, 3};
  return kProcessors[EmulatedSchedule() % 4];
}

class EmulatedStream : public DeviceStream {
 public:
  int processors() override { return EmulatedProcessors(); }
  void* ScratchBytes(std::size_t bytes) override { return memory_.Allocate(bytes); }

 private:
  Memory memory_;
};

class EmulatedGraph : public DeviceGraph {
 public:
  explicit EmulatedGraph(std::function<void()> work) : work_(std::move(work)) {}
  void Launch() override { work_(); }

 private:
  std::function<void()> work_;
};

// Memory of its own, so that what was not copied shows; what it is asked for is done at once.
class EmulatedDevice : public Device {
 public:
  int processors() override { return EmulatedProcessors(); }
  void* Allocate(std::size_t bytes) override { return memory_.Allocate(bytes); }
  void* AllocateOnHost(std::size_t bytes) override { return memory_.Allocate(bytes); }
  void Upload(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void Download(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void Copy(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  // As late as may be: what does not wait for them finds nothing.
  void UploadBeside(void* to, const void* from, std::size_t bytes) override {
    uploads_.push_back([=] { std::memcpy(to, from, bytes); });
  }
  void JoinUploads() override {
    for (const auto& upload : std::exchange(uploads_, {})) upload();
  }
  void Wait() override {}
  std::unique_ptr<DeviceGraph> Capture(const std::function<void()>& work) override {
    return std::make_unique<EmulatedGraph>(work);
  }

 private:
  Memory memory_;
  std::vector<std::function<void()>> uploads_;
};

std::string NoEmulator() {
  if (!kBuiltForEmulator) return "this build lacks Boost.Context, which the emulator runs on";
#if defined(__x86_64__)
  return kCpuAvx2.unavailable();
#else
  return {};
#endif
}

}  // namespace

void CheckIndex(std::int64_t count) {
  if (count < std::int64_t{1} << 31) return;
  throw std::runtime_error(fmt::format(
      "too large for this kernel on a GPU: {} elements, pixels or terms, of 2^31 - 1 at most",
      count));
}

void SetEmulatedSchedule(int schedule) { emulated_schedule = schedule; }
int EmulatedSchedule() { return emulated_schedule; }

const Backend kCudaEmulated{"cuda_emulated", NoEmulator};

std::unique_ptr<Device> OpenEmulator() { return std::make_unique<EmulatedDevice>(); }

void RunOnEmulator(const Buffers& host, const StreamFunction& function) {
  if (DeviceSession::PutOff(host, function)) return;
  EmulatedStream stream;
  function(host, stream);
}

#if !defined(SAMEBITS_HAVE_CUDA)

namespace {
std::string NoCuda() { return "this build is without CUDA: no nvcc was found"; }
}  // namespace

const Backend kCuda{"cuda", NoCuda};

void RunOnGpu(const Op&, const Case&, const Buffers&, const StreamFunction&) {}

std::unique_ptr<Device> OpenGpu() { return nullptr; }

class GpuContention::Work {};
GpuContention::GpuContention() = default;
GpuContention::~GpuContention() = default;

#endif

}  // namespace samebits
