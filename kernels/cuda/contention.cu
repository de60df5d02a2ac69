// Kernels of ever other sizes, none of which waits for those of another stream.
#include "kernels/cuda/contention.h"

#include <cuda_runtime.h>

#include <atomic>
#include <thread>

#include "kernels/cuda/session.h"

namespace samebits {
namespace {

constexpr unsigned kBlock = 256;
constexpr unsigned kWords = 1U << 22;  // no cache of a processor holds them

// Scattered writes of xorshift32's words (G. Marsaglia, 2003).
__global__ void __launch_bounds__(kBlock) Scatter(unsigned* memory, int words) {
  unsigned x = blockIdx.x * kBlock + threadIdx.x + 1;
  for (int i = 0; i < words; ++i) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    memory[x % kWords] = x;
  }
}

}  // namespace

class GpuContention::Work {
 public:
  Work() {
    Queue();
    // What fails here fails in the kernels beside, too, which say so.
    thread_ = std::thread([this] {
      while (!stop_.load(std::memory_order_relaxed)) {
        Queue();
        cudaStreamSynchronize(stream());
      }
    });
  }
  ~Work() {
    stop_ = true;
    thread_.join();
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

 private:
  // Tens of microseconds each, from one block to two a processor.
  void Queue() {
    const unsigned most = 2 * static_cast<unsigned>(device_->processors());
    for (int i = 0; i < 8; ++i, ++queued_) {
      Scatter<<<1 + queued_ * 37 % most, kBlock, 0, stream()>>>(memory_, 64 << queued_ % 5);
    }
  }
  cudaStream_t stream() const { return static_cast<cudaStream_t>(device_->handle()); }

  const std::unique_ptr<Device> device_ = OpenGpu();
  unsigned* const memory_ = static_cast<unsigned*>(device_->Allocate(kWords * sizeof(unsigned)));
  unsigned queued_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

GpuContention::GpuContention() : work_(std::make_unique<Work>()) {}
GpuContention::~GpuContention() = default;

}  // namespace samebits
