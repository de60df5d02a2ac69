// A GPU by the CUDA runtime.
#include <cuda_runtime.h>

#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

void Check(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(fmt::format("CUDA: {}: {}", what, cudaGetErrorString(error)));
}

class GpuStream : public DeviceStream {
 public:
  GpuStream() { Check(cudaStreamCreate(&stream_), "a stream"); }
  ~GpuStream() override {
    cudaStreamSynchronize(stream_);
    for (void* memory : memory_) cudaFreeAsync(memory, stream_);
    cudaStreamDestroy(stream_);
  }
  GpuStream(const GpuStream&) = delete;
  GpuStream& operator=(const GpuStream&) = delete;

  void* ScratchBytes(std::size_t bytes) override {
    void* memory = nullptr;
    Check(cudaMallocAsync(&memory, bytes == 0 ? 1 : bytes, stream_), "memory");
    memory_.push_back(memory);
    return memory;
  }
  void* handle() override { return stream_; }
  void CheckLaunch() override { Check(cudaGetLastError(), "a launch"); }

  void Copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    Check(cudaMemcpyAsync(to, from, bytes, kind, stream_), "a copy");
  }
  void Wait() { Check(cudaStreamSynchronize(stream_), "a kernel"); }

 private:
  cudaStream_t stream_ = nullptr;
  std::vector<void*> memory_;
};

std::string NoGpu() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) return fmt::format("no GPU: {}", cudaGetErrorString(error));
  return devices == 0 ? "no GPU" : "";
}

}  // namespace

const Backend kCuda{"cuda", NoGpu};

void RunOnGpu(const Op& op, const Case& c, const Buffers& host, const StreamFunction& function) {
  const Signature signature = op.signature(c);
  GpuStream stream;
  Buffers device;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const std::size_t bytes = signature.inputs[i].Bytes();
    void* const memory = stream.ScratchBytes(bytes);
    stream.Copy(memory, host.inputs[i], bytes, cudaMemcpyHostToDevice);
    device.inputs[i] = memory;
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    device.outputs[i] = stream.ScratchBytes(signature.outputs[i].Bytes());
  }
  function(device, stream);
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    stream.Copy(host.outputs[i], device.outputs[i], signature.outputs[i].Bytes(),
                cudaMemcpyDeviceToHost);
  }
  stream.Wait();
}

}  // namespace samebits
