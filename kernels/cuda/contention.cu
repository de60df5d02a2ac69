// Kernels of ever other sizes, none of which waits for those of another stream.
#include "kernels/cuda/contention.h"

#include <cuda_runtime.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

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

void Check(cudaError_t error) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string("CUDA: work on a second stream: ") +
                           cudaGetErrorString(error));
}

}  // namespace

class GpuContention::Work {
 public:
  Work() {
    int device = 0, processors = 0;
    Check(cudaGetDevice(&device));
    Check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device));
    most_blocks_ = 2 * static_cast<unsigned>(processors);
    Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    if (const cudaError_t error = cudaMalloc(&memory_, kWords * sizeof(unsigned))) {
      cudaStreamDestroy(stream_);
      Check(error);
    }
    Queue();
    thread_ = std::thread([this, device] {
      cudaSetDevice(device);
      while (!stop_.load(std::memory_order_relaxed)) {
        Queue();
        cudaStreamSynchronize(stream_);
      }
    });
  }
  ~Work() {
    stop_ = true;
    thread_.join();
    cudaStreamSynchronize(stream_);
    cudaFree(memory_);
    cudaStreamDestroy(stream_);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

 private:
  // Tens of microseconds each, from one block to two a processor.
  void Queue() {
    for (int i = 0; i < 8; ++i, ++queued_) {
      Scatter<<<1 + queued_ * 37 % most_blocks_, kBlock, 0, stream_>>>(memory_, 64 << queued_ % 5);
    }
  }

  unsigned most_blocks_, queued_ = 0;
  cudaStream_t stream_ = nullptr;
  unsigned* memory_ = nullptr;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

GpuContention::GpuContention() : work_(std::make_unique<Work>()) {}
GpuContention::~GpuContention() = default;

}  // namespace samebits
