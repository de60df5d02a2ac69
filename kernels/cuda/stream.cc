#include "kernels/cuda/stream.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/core/cpu.h"

namespace samebits {
namespace {

std::atomic<int> emulated_schedule{kInOrder};

// Scratch memory full of NaNs, as nothing may count on what it holds.
class EmulatedStream : public DeviceStream {
 public:
  void* ScratchBytes(std::size_t bytes) override {
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

std::string NoEmulator() {
  if (!kBuiltForEmulator) return "this build lacks Boost.Context, which the emulator runs on";
#if defined(__x86_64__)
  return kCpuAvx2.unavailable();
#else
  return {};
#endif
}

}  // namespace

void SetEmulatedSchedule(int schedule) { emulated_schedule = schedule; }
int EmulatedSchedule() { return emulated_schedule; }

const Backend kCudaEmulated{"cuda_emulated", NoEmulator};

void RunOnEmulator(const Buffers& host, const StreamFunction& function) {
  EmulatedStream stream;
  function(host, stream);
}

#if !defined(SAMEBITS_HAVE_CUDA)

namespace {
std::string NoCuda() { return "this build is without CUDA: no nvcc was found"; }
}  // namespace

const Backend kCuda{"cuda", NoCuda};

void RunOnGpu(const Op&, const Case&, const Buffers&, const StreamFunction&) {}

#endif

}  // namespace samebits
